//! Lets a guest reach one place of the network and no other, by rules.
//!
//! `cargo run -p examples --example network`, after `cargo xtask guests`

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::{
    fs,
    io::{self, Write},
    net::TcpListener,
    thread,
};

use wasm_exec::{Direction, Exit, Host, Network, Output, Rule, Task};

fn main() -> anyhow::Result<()> {
    // A rule is a value, or text that a user wrote: [connect:|listen:]HOST[:PORT].
    let rule: Rule = "db.internal:5432".parse()?;
    assert_eq!(rule, Rule::connect(Host::Name("db.internal".to_owned())).port(5432));
    let rule: Rule = "10.0.0.0/8".parse()?;
    println!("{rule} allows 10.1.2.3:80: {}", rule.allows(Direction::Connect, "10.1.2.3:80".parse()?));
    assert!(!rule.allows(Direction::Listen, "10.1.2.3:80".parse()?));
    let Err(error) = "db.internal:postgres".parse::<Rule>() else { anyhow::bail!("it is a rule") };
    println!("{error}");

    let Some(path) = guests::compiled("probe-component") else {
        println!("the guest is not there: `cargo xtask guests` compiles it");
        return Ok(());
    };
    let program = wasm_exec::engine("wasmtime")?.compile(&fs::read(path)?)?;

    // Somebody to talk to, who sends back what comes.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || -> io::Result<()> {
        for stream in listener.incoming() {
            let mut stream = stream?;
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut stream, &mut bytes)?;
            stream.write_all(&bytes)?;
        }
        Ok(())
    });

    let here: Rule = address.to_string().parse()?;
    let [net, elsewhere, listens] = ["127.0.0.0/8", "192.0.2.1", "listen:127.0.0.1"].map(str::parse::<Rule>);
    for (network, may) in [
        (Network::None, false),
        (Network::Allow(vec![here]), true),
        (Network::Allow(vec![elsewhere?, net?]), true),
        (Network::Allow(vec![listens?]), false),
    ] {
        let said = match &network {
            Network::Allow(rules) => rules.iter().map(Rule::to_string).collect::<Vec<_>>().join(" "),
            other => format!("{other:?}"),
        };
        let args = ["probe", "connect", &address.to_string()].map(str::to_owned);
        let task = Task::default().args(args).network(network).stdout(Output::Inherit);
        let exit = program.run(task)?;
        println!("{exit} with {said}");
        assert_eq!(exit, Exit::Code(if may { 0 } else { 1 }));
    }
    Ok(())
}
