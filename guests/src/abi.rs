//! What WasmEdge's socket functions do, case by case.

/// One function of WasmEdge's sockets in one of its forms, called in every way; the guest prints what it saw.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Case {
    /// Name of its file in `guests/abi`, without the extension: the function, and what of it.
    pub name: &'static str,
    /// What is its own; its first comment says what the case is about.
    pub text: &'static str,
    /// What it prints on WasmEdge 0.17.1, and how it ends in the last line.
    pub seen: &'static str,
    /// What is different on wasmtime on purpose.
    pub ours: Option<Different>,
}

/// A difference that is kept.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Different {
    /// The reason.
    pub why: &'static str,
    /// What the case prints on wasmtime, as [`Case::seen`].
    pub seen: &'static str,
}

impl Case {
    /// The binary.
    ///
    /// # Panics
    ///
    /// Never: a test translates every case.
    #[must_use]
    pub fn wasm(&self) -> Vec<u8> {
        let text = format!("(module {})", PRELUDE.replace("\nCASE\n", &format!("\n{}\n", self.text)));
        wat::parse_str(text).unwrap_or_else(|error| panic!("{}.wat: {error}", self.name))
    }
}

macro_rules! cases {
    ($($name:literal $(=> $why:literal)?)*) => {
        /// Every case, by name.
        pub const CASES: &[Case] = &[$(Case {
            name: $name,
            text: include_str!(concat!("../abi/", $name, ".wat")),
            seen: include_str!(concat!("../abi/", $name, ".seen")),
            ours: ours!($name $(, $why)?),
        }),*];
    };
}

macro_rules! ours {
    ($name:literal) => {
        None
    };
    ($name:literal, $why:literal) => {
        Some(Different { why: $why, seen: include_str!(concat!("../abi/", $name, ".ours")) })
    };
}

cases! {
    "epoll_oneoff"
    "fd-others" => "functions for files do not know sockets: EBADF, where WasmEdge has ENOTCAPABLE"
    "fd_close"
    "fd_fdstat_get" => "a datagram socket says that it is one, all sockets have the same rights, and flags that mean \
        nothing to a socket are neither kept nor refused"
    "fd_filestat_get" => "a socket has a type and one link, where WasmEdge has ENOTCAPABLE"
    "fd_read"
    "fd_renumber" => "the number tells whether a descriptor is a socket: ENOTSUP from one that is no socket to one that \
        is"
    "fd_renumber-border" => "the number tells whether a descriptor is a socket: ENOTSUP from a socket to a file and back"
    "fd_write-gone"
    "poll_oneoff" => "one byte, and not none, is said to be readable of a listening socket with a connection; of others \
        WasmEdge says one too"
    "poll_oneoff-bad" => "a poll without sockets is wasmtime-wasi's, which returns EBADF for the whole call"
    "poll_oneoff-clocks"
    "poll_oneoff-count-unaligned"
    "poll_oneoff-events-unaligned"
    "poll_oneoff-gone"
    "poll_oneoff-none" => "no subscriptions are EINVAL, as on wasmtime; mio_wasi relies on it"
    "poll_oneoff-others"
    "poll_oneoff-outside"
    "poll_oneoff-reset"
    "poll_oneoff-subscriptions-unaligned"
    "poll_oneoff-tag" => "what is wrong is told at once, and not with the next event"
    "sock_accept"
    "sock_accept-both" => "wasmtime links by name, so that one module cannot have both types: it is refused before it runs"
    "sock_accept-std" => "the flag for a descriptor that does not block is kept; WasmEdge forgets it"
    "sock_accept_v2" => "the flag for a descriptor that does not block is kept; WasmEdge forgets it"
    "sock_bind"
    "sock_bind-pointers"
    "sock_bind_v2"
    "sock_bind_v2-family" => "an errno, where WasmEdge aborts"
    "sock_connect"
    "sock_connect-nonblocking"
    "sock_connect-udp"
    "sock_getaddrinfo"
    "sock_getaddrinfo-hints"
    "sock_getaddrinfo-pointers" => "the list is looked at as far as it is needed, and an address or name that does not fit is \
        EAIMEMORY, where WasmEdge writes past its room"
    "sock_getlocaladdr"
    "sock_getlocaladdr-storage"
    "sock_getpeeraddr"
    "sock_getpeeraddr-storage"
    "sock_getsockopt"
    "sock_getsockopt-pointers"
    "sock_getsockopt-sizes" => "an errno or as many bytes as there is room for, where WasmEdge aborts"
    "sock_listen"
    "sock_open"
    "sock_open_v2"
    "sock_recv"
    "sock_recv-others"
    "sock_recv-pointers"
    "sock_recv_from"
    "sock_recv_from-pointers" => "the port has four bytes, and so must have room for them"
    "sock_recv_from-port" => "the port has four bytes in the order of the host, as everywhere else and as guests read it; \
        WasmEdge's two bytes in the order of networks are an option"
    "sock_recv_from-storage"
    "sock_recv_from_v2"
    "sock_send"
    "sock_send-full"
    "sock_send_to"
    "sock_setsockopt"
    "sock_setsockopt-device" => "EPERM: who chooses the device would get round the policy"
    "sock_setsockopt-sizes"
    "sock_setsockopt-times"
    "sock_shutdown"
}

/// What each case has.
const PRELUDE: &str = include_str!("../abi/prelude.wat");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_table_is_the_folder() {
        let folder: BTreeSet<_> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("abi"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let ends = |case: &Case| ["wat", "seen"].into_iter().chain(case.ours.map(|_| "ours"));
        let files = CASES.iter().flat_map(|case| ends(case).map(|end| format!("{}.{end}", case.name)));
        assert_eq!(folder, files.chain(["prelude.wat".to_owned()]).collect());
        assert!(CASES.is_sorted_by_key(|case| case.name));
    }

    #[test]
    fn every_case_is_translated_and_says_what_it_is_about() {
        for case in CASES {
            assert!(case.wasm().starts_with(b"\0asm"), "{}", case.name);
            assert!(case.text.starts_with(";; "), "{}", case.name);
        }
    }

    #[test]
    fn a_difference_is_one() {
        for case in CASES {
            assert!(
                case.ours.is_none_or(|ours| ours.seen != case.seen && !ours.why.is_empty()),
                "{}",
                case.name
            );
        }
    }
}
