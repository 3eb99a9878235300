//! Runs one module on every engine that is compiled in, and asks each what it can do before it is asked to do it.
//!
//! `cargo run -p examples --example two_engines`; with `--features wasmedge` on two, where libwasmedge 0.17 is

#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::time::Duration;

use wasm_exec::{Capability, EngineInfo, Error, Exit, Limits, Network, Output, Stopping, Task};

fn main() -> anyhow::Result<()> {
    for name in wasm_exec::engines() {
        let engine = wasm_exec::engine(name)?;
        let info = engine.info();
        println!("{} {}", info.name, info.version);
        println!(
            "  can:    {}",
            info.capabilities.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        );
        let program = engine.compile(&guests::HELLO.wasm())?;

        // Nothing is ignored: a task that needs more than the engine can do does not begin.
        let rules = Network::Allow(vec!["example.com:443".parse()?]);
        let strict =
            Task::default().network(rules).limits(Limits::default().deadline(Duration::from_secs(5)));
        match program.run(strict) {
            Ok(exit) => println!("  strict: {exit}"),
            Err(error @ Error::Unsupported { .. }) => {
                println!("  strict: {error} ({})", error.help().unwrap_or_default());
            }
            Err(error) => return Err(error.into()),
        }

        let exit = program.run(modest(info).arg("hello").stdout(Output::Inherit))?;
        println!("  modest: {exit}");
        assert_eq!(exit, Exit::Code(0));

        let compiled = engine.compile(&guests::COMPONENT.wasm());
        assert_eq!(compiled.is_ok(), info.can(Capability::Component));
    }
    Ok(())
}

/// A task that asks for what an engine has. Who writes this has decided that less is enough.
fn modest(info: &EngineInfo) -> Task {
    let wanted = Limits::default().deadline(Duration::from_secs(5));
    let limits = wanted.clone().enforced_by(info);
    println!("  lifted: {}", if limits == wanted { "no limit" } else { "limits that it does not enforce" });
    let stopping = match info.can(Capability::InterruptHostCall) {
        true => Stopping::Always,
        false => Stopping::BestEffort,
    };
    Task::default().limits(limits).stopping(stopping)
}
