//! The peers in Python: one process for the whole run, told what to compute next. It takes its times itself, so that
//! no pipe is among them.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use serde_json::{Value, json};

use crate::agreement::Values;
use crate::data::{Function, SIZES};
use crate::timing::Contender;

/// A peer in Python.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Peer {
    /// DataFrame in, Series out
    Pandas,
    /// lists in, list out
    CPython,
}

/// The process of `peers.py`.
pub(crate) struct Python {
    pipes: RefCell<Pipes>,
    child: Child,
}

struct Pipes {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Pipes {
    /// One question, one answer, a line of JSON each.
    fn ask(&mut self, question: &Value) -> Result<Value> {
        writeln!(self.to, "{question}").and_then(|()| self.to.flush()).context("peers.py is gone: see its message")?;
        let mut answer = String::new();
        self.from.read_line(&mut answer)?;
        serde_json::from_str(&answer).context("peers.py gave no answer: see its message")
    }
}

impl Python {
    /// Starts `peers.py` and hands it the rows of all functions and sizes.
    pub(crate) fn start(python: &Path) -> Result<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers.py");
        let mut command = Command::new(python);
        let mut child = command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let to = child.stdin.take().context("peers.py has no standard input")?;
        let from = BufReader::new(child.stdout.take().context("peers.py has no standard output")?);
        let mut pipes = Pipes { to, from };
        for function in Function::ALL {
            for rows in SIZES {
                let columns = columns(&function.batch(rows)?);
                pipes.ask(&json!({"load": function.name(), "rows": rows, "columns": columns}))?;
            }
        }
        Ok(Self { pipes: RefCell::new(pipes), child })
    }

    /// `peer` as a contender on `rows` rows of `function`.
    pub(crate) fn contender(&self, name: &str, peer: Peer, function: Function, rows: usize) -> Result<Contender<'_>> {
        let peer = match peer {
            Peer::Pandas => "pandas",
            Peer::CPython => "cpython",
        };
        let question = json!({"function": function.name(), "peer": peer, "rows": rows});
        let values = self.pipes.borrow_mut().ask(&question)?;
        let values = match function {
            Function::EmailDomain => Values::Texts(serde_json::from_value(values)?),
            Function::Ratio | Function::Haversine => Values::Floats(serde_json::from_value(values)?),
        };
        Ok(Contender::with_clock(name, values, move |calls| {
            let mut question = question.clone();
            question["calls"] = calls.into();
            let nanoseconds = self.pipes.borrow_mut().ask(&question)?;
            Ok(Duration::from_nanos(nanoseconds.as_u64().context("peers.py gave no time")?))
        }))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It has nothing to lose; if it is gone already, all the better.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Pairs of name and values, since objects of JSON have no order.
fn columns(batch: &RecordBatch) -> Vec<(String, Value)> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let values = columns.map(|(field, array)| {
        let values = match array.data_type() {
            DataType::Float64 => json!(array.as_primitive::<Float64Type>().values().to_vec()),
            DataType::Int64 => json!(array.as_primitive::<Int64Type>().values().to_vec()),
            _ => json!(array.as_string::<i32>().iter().collect::<Vec<_>>()),
        };
        (field.name().clone(), values)
    });
    values.collect()
}
