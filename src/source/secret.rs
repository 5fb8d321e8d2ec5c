//! Secrets of the settings: one line, in a file or a variable of this process.

use crate::model::secret_place::SecretPlace;

/// The value as it is now. Blocking.
///
/// # Errors
/// It is not there, empty or more than one line. The text names the place, never the value.
pub fn read_secret(place: &SecretPlace) -> Result<String, String> {
    let value = match place {
        SecretPlace::File(path) => {
            std::fs::read_to_string(path.as_path()).map_err(|error| error.to_string())
        }
        SecretPlace::Env(name) => {
            std::env::var(name).map_err(|_| "the variable is not set".to_owned())
        }
    };
    let value = value.map_err(|why| format!("{} cannot be read: {why}", place.place()))?;
    let value = value.trim_end();
    if value.is_empty() || value.contains(char::is_control) {
        return Err(format!("{} is empty, or more than one line", place.place()));
    }
    Ok(value.to_owned())
}
