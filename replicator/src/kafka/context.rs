//! What the library tells on its own: log lines, why no broker is reached, and which records were acknowledged.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::Message as _;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{DeliveryResult, NoCustomPartitioner, ProducerContext};

use super::Error;
use crate::error::Kind;

/// Heard by a client while it is polled.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// Why brokers are out of reach, the last and most telling reason.
    trouble: Mutex<Option<Code>>,
    /// The first record of a transaction that the broker did not take, and why.
    failure: Mutex<Option<Code>>,
    /// Is there a failure? Asked with each record.
    failed: AtomicBool,
    /// The offset of the last record of the topic that was acknowledged.
    last: AtomicI64,
    /// Has one been acknowledged that does not stand behind those before it?
    back: AtomicBool,
}

impl Context {
    pub(super) fn new() -> Context {
        Context { last: AtomicI64::new(-1), ..Context::default() }
    }

    /// Why no answer will come, if that is sure.
    pub(super) fn denied(&self) -> Option<Error> {
        let trouble = *locked(&self.trouble);
        trouble.map(Error::of).filter(|e| e.kind() == Kind::Denied)
    }

    /// A time is up: the reason, where one was heard.
    pub(super) fn why(&self, e: Error) -> Error {
        match e {
            Error::Told {
                code: Code::OperationTimedOut | Code::BrokerTransportFailure | Code::TimedOutQueue,
                told,
            } => {
                let trouble = locked(&self.trouble).unwrap_or(Code::OperationTimedOut);
                Error::Told { code: trouble, told: format!("{told}; {trouble}") }
            }
            e => e,
        }
    }

    /// An answer came.
    pub(super) fn reached(&self) {
        *locked(&self.trouble) = None;
    }

    /// The offset of the last record that was acknowledged.
    pub(super) fn last(&self) -> i64 {
        self.last.load(Ordering::Acquire)
    }

    /// So far the topic has come already.
    pub(super) fn stands(&self, last: i64) {
        self.last.fetch_max(last, Ordering::AcqRel);
    }

    /// Has a record come to stand before those that were there? Once.
    pub(super) fn goes_back(&self) -> bool {
        self.back.swap(false, Ordering::AcqRel)
    }

    /// Has the broker not taken a record?
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Why it has not.
    pub(super) fn failure(&self) -> Option<Code> {
        *locked(&self.failure)
    }

    /// The transaction is over, and its failures with it.
    pub(super) fn forget(&self) {
        *locked(&self.failure) = None;
        self.failed.store(false, Ordering::Release);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClientContext for Context {
    /// The library logs addresses, sizes and states, never what is in a record.
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        tracing::debug!(target: "sluice::kafka", ?level, facility, "{line}");
    }

    /// Not an end: it goes on trying. So it is remembered for the one who waits.
    fn error(&self, error: KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        tracing::debug!(target: "sluice::kafka", %code, "{reason}");
        if code == Code::GroupAuthorizationFailed {
            return; // the group is a name only: it is asked for by the library, and not by us
        }
        let mut trouble = locked(&self.trouble);
        // that all brokers are down is said after each, and says less
        if code != Code::AllBrokersDown || trouble.is_none() {
            *trouble = Some(code);
        }
    }
}

impl ConsumerContext for Context {}

impl ProducerContext<NoCustomPartitioner> for Context {
    /// Is it beside the topic?
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, beside: usize) {
        match result {
            // it has offsets of its own; and of a record that was there already, sent again, the broker does not say where
            Ok(record) if beside != 0 || record.offset() < 0 => {}
            // in order: it is one partition
            Ok(record) => {
                if self.last.fetch_max(record.offset(), Ordering::AcqRel) >= record.offset() {
                    self.back.store(true, Ordering::Release);
                }
            }
            Err((error, _)) => {
                locked(&self.failure).get_or_insert(error.rdkafka_error_code().unwrap_or(Code::Fail));
                self.failed.store(true, Ordering::Release);
            }
        }
    }
}
