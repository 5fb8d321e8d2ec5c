//! composelet: parse, build the runtime, run, map the end to an exit code.

use std::process::ExitCode;

use composelet::cli::exit::{self, CliError};
use composelet::cli::{dispatch, output};

fn main() -> ExitCode {
    let cli = match dispatch::parse() {
        Ok(cli) => cli,
        Err(code) => return ExitCode::from(code),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(dispatch::run(cli)),
        Err(error) => {
            let error = CliError::runtime(format!("the runtime cannot be built: {error}"));
            output::Output::default().error(&error);
            Err(error)
        }
    };
    exit::exit_code(&result)
}
