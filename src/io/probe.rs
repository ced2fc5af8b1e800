//! A port that is asked, and listened to, outside of any run.

use crate::io::serial::{Port, READ_MAX};
use crate::rig::SerialDef;
use std::future::poll_fn;
use std::time::Duration;

/// An open port with a reactor of its own.
pub struct Probe {
    // Before the runtime: a port is let go while its reactor lives.
    port: Port,
    runtime: tokio::runtime::Runtime,
}

impl Probe {
    /// Opens the port. The error says in words what is wrong and what is there.
    pub fn open(def: &SerialDef) -> Result<Probe, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("no runtime for the port: {error}"))?;
        let port = {
            let _inside = runtime.enter();
            Port::open(def)?
        };
        Ok(Probe { port, runtime })
    }

    /// Writes the question (nothing, to listen) and gives what arrives within `at_most`, or until it is `enough`.
    pub fn ask(
        &mut self,
        question: &[u8],
        at_most: Duration,
        mut enough: impl FnMut(&[u8]) -> bool,
    ) -> Result<Vec<u8>, String> {
        let port = &mut self.port;
        let mut heard = Vec::new();
        let talk = async {
            let mut left = question;
            while !left.is_empty() {
                let written = poll_fn(|cx| port.poll_write(cx, left)).await.map_err(|gone| gone.0)?;
                left = &left[written..];
            }
            let mut part = [0; READ_MAX];
            loop {
                let count = poll_fn(|cx| port.poll_read(cx, &mut part)).await.map_err(|gone| gone.0)?;
                heard.extend_from_slice(&part[..count]);
                if enough(&heard) {
                    return Ok(());
                }
            }
        };
        let result = self.runtime.block_on(async { tokio::time::timeout(at_most, talk).await });
        match result {
            // Its time is over: what came is what there is.
            Ok(Ok(())) | Err(_) => Ok(heard),
            Ok(Err(why)) => Err(why),
        }
    }
}
