use super::check::Function;

/// WasmEdge's socket extension of preview 1, in its two versions: what its `lib/host/wasi/wasimodule.cpp` registers and
/// a module can import by these names, without those that preview 1 has with the same type.
pub(crate) const SOCKETS: &[Function] = &[
    function("epoll_oneoff", "iiii"),
    function("sock_accept", "ii"),
    function("sock_accept_v2", "iii"),
    function("sock_bind", "iii"),
    function("sock_bind_v2", "iii"),
    function("sock_connect", "iii"),
    function("sock_connect_v2", "iii"),
    function("sock_getaddrinfo", "iiiiiiii"),
    function("sock_getlocaladdr", "iiii"),
    function("sock_getlocaladdr", "iii"),
    function("sock_getlocaladdr_v2", "iii"),
    function("sock_getpeeraddr", "iiii"),
    function("sock_getpeeraddr", "iii"),
    function("sock_getpeeraddr_v2", "iii"),
    function("sock_getsockopt", "iiiii"),
    function("sock_listen", "ii"),
    function("sock_listen_v2", "ii"),
    function("sock_open", "iii"),
    function("sock_open_v2", "iii"),
    function("sock_recv_from", "iiiiiii"),
    function("sock_recv_from", "iiiiiiii"),
    function("sock_recv_from_v2", "iiiiiiii"),
    function("sock_recv_v2", "iiiiii"),
    function("sock_send_to", "iiiiiii"),
    function("sock_send_to_v2", "iiiiiii"),
    function("sock_send_v2", "iiiii"),
    function("sock_setsockopt", "iiiii"),
];

const fn function(name: &'static str, params: &'static str) -> Function {
    Function { name, params, results: "i" }
}
