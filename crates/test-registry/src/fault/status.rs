//! Errors on demand.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::http::{Answer, http_date};
use crate::refusal::{code, refusal};

/// An error: status, code, and when to come again.
#[derive(Clone, Debug)]
pub struct Status {
    status: u16,
    code: String,
    retry_after: Option<RetryAfter>,
}

/// When to come again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryAfter {
    /// In so many seconds.
    Seconds(u64),
    /// At the date that is so far ahead of the answer.
    Date(Duration),
    /// At the date that is so far behind it.
    Past(Duration),
    /// Whatever this means.
    Text(String),
}

impl Status {
    /// The status with the code that says it best, without `Retry-After`.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, code: code(status).to_owned(), retry_after: None }
    }

    /// With this code: `DENIED`, `MANIFEST_INVALID`, …
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = code.into();
        self
    }

    /// With `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, when: RetryAfter) -> Self {
        self.retry_after = Some(when);
        self
    }

    pub(super) fn answer(&self) -> Answer {
        let answer = refusal(self.status, &self.code, Value::Null);
        let now = SystemTime::now();
        let text = match &self.retry_after {
            None => return answer,
            Some(RetryAfter::Seconds(seconds)) => seconds.to_string(),
            Some(RetryAfter::Date(ahead)) => http_date(now.checked_add(*ahead).unwrap_or(now)),
            Some(RetryAfter::Past(behind)) => http_date(now.checked_sub(*behind).unwrap_or(now)),
            Some(RetryAfter::Text(text)) => text.clone(),
        };
        answer.header("Retry-After", text)
    }
}

impl From<Status> for super::Fault {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}
