//! Guests in text, one behaviour a file.

/// A guest in the text format.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Wat {
    /// Name of its file in `guests/wat`, without the extension.
    pub name: &'static str,
    /// The text; its first comment says what the guest does.
    pub text: &'static str,
}

impl Wat {
    /// The binary.
    ///
    /// # Panics
    ///
    /// Never: a test translates every guest.
    #[must_use]
    pub fn wasm(&self) -> Vec<u8> {
        wat::parse_str(self.text).unwrap_or_else(|error| panic!("{}.wat: {error}", self.name))
    }
}

macro_rules! guests {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $name: Wat = Wat { name: $file, text: include_str!(concat!("../wat/", $file, ".wat")) };
        )*

        /// Every guest in text.
        pub const ALL: &[Wat] = &[$($name),*];
    };
}

guests! {
    /// Prints each argument, then each variable of the environment, each on a line.
    ARGS_ENV = "args-env";
    /// Copies its input to its output.
    CAT = "cat";
    /// The smallest component.
    COMPONENT = "component";
    /// Traps: divides by zero.
    DIVIDE_BY_ZERO = "divide-by-zero";
    /// Ends with code 200.
    EXIT_BIG = "exit-big";
    /// Ends with code 7.
    EXIT_CODE = "exit-code";
    /// Prints `Hello, World!`.
    HELLO = "hello";
    /// Never ends.
    LOOP = "loop";
    /// Grows its memory to 64 MiB; ends with code 1 when it may not.
    MEMORY_GROW = "memory-grow";
    /// A library without `_start`.
    NO_START = "no-start";
    /// Prints `file.txt` of the first preopened directory, or its `data/file.txt`; ends with the errno.
    READ_FILE = "read-file";
    /// Traps: exhausts the stack.
    STACK_OVERFLOW = "stack-overflow";
    /// Traps in its start function, before `_start`.
    START_TRAP = "start-trap";
    /// Prints `Hello, stderr!` to descriptor 2.
    STDERR = "stderr";
    /// Traps: `unreachable`.
    TRAP = "trap";
    /// Imports a function that no host provides.
    UNKNOWN_IMPORT = "unknown-import";
    /// Imports WasmEdge's socket functions and does not call them.
    WASMEDGE_SOCKETS = "wasmedge-sockets";
    /// Creates `out.txt` in the first preopened directory; ends with the errno.
    WRITE_FILE = "write-file";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_table_is_the_folder() {
        let folder: BTreeSet<_> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("wat"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let table: BTreeSet<_> = ALL.iter().map(|guest| format!("{}.wat", guest.name)).collect();
        assert_eq!(folder, table);
    }

    #[test]
    fn every_guest_is_translated_and_says_what_it_does() {
        for guest in ALL {
            assert!(guest.wasm().starts_with(b"\0asm"), "{}", guest.name);
            assert!(guest.text.starts_with(";; "), "{}", guest.name);
        }
    }
}
