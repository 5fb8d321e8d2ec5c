//! SQLite: a copy by the library's own means, while others write, and back the same way.

/// Copies one database into another: `copy FROM TO`. Whichever tool the image has.
const COPY: &str = r#"set -eu
file="$1"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
if command -v sqlite3 >/dev/null; then
  copy() { sqlite3 -cmd '.timeout 60000' "$1" ".backup '$2'"; }
  check() { sqlite3 "$1" 'PRAGMA integrity_check'; }
elif command -v python3 >/dev/null; then
  copy() { python3 -c 'import sqlite3, sys
a = sqlite3.connect(sys.argv[1], 60); b = sqlite3.connect(sys.argv[2], 60); a.backup(b); b.close(); a.close()' "$1" "$2"; }
  check() { python3 -c 'import sqlite3, sys
print(sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchone()[0])' "$1"; }
else
  echo "neither sqlite3 nor python3 is in this image" >&2
  exit 1
fi
whole() {
  found="$(check "$1" 2>&1)" || true
  [ "$found" = ok ] || { echo "the integrity check of $1 says: $found" >&2; exit 1; }
}
"#;

const DUMP: &str = r#"[ -f "$file" ] || { echo "there is no file $file" >&2; exit 1; }
copy "$file" "$work/copy"
whole "$work/copy"
cat "$work/copy"
"#;

const RESTORE: &str = r#"head -c "$2" >"$work/copy"
[ "$(wc -c <"$work/copy")" -eq "$2" ] || { echo "the database did not arrive whole" >&2; exit 1; }
whole "$work/copy"
copy "$work/copy" "$file"
whole "$file"
"#;

pub(super) fn dump() -> String {
    format!("{COPY}{DUMP}")
}

pub(super) fn restore() -> String {
    format!("{COPY}{RESTORE}")
}
