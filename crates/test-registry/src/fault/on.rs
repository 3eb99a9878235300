//! Which requests.

use crate::http::Request;
use crate::route::Route;

/// What a path is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// `/v2/`
    Base,
    /// `/v2/NAME/blobs/DIGEST`
    Blob,
    /// `/v2/NAME/blobs/uploads/`
    Uploads,
    /// The same with `?mount=`
    Mount,
    /// `/v2/NAME/blobs/uploads/SESSION`
    Upload,
    /// `/v2/NAME/manifests/REFERENCE`
    Manifest,
    /// `/v2/NAME/tags/list`
    Tags,
    /// `/v2/NAME/referrers/DIGEST`
    Referrers,
    /// `/token`
    Token,
    /// Everything else.
    Other,
}

/// Some of the requests: by method, by what their path is of, and by how many there were before.
///
/// ```
/// use test_registry::On;
///
/// let second_download = On::blob_get().nth(2);
/// let three_resumes = On::blob_get().ranged().first(3);
/// let of_one_blob = On::blob_get().path("sha256:6c3c62");
/// ```
#[derive(Clone, Debug, Default)]
pub struct On {
    method: Option<&'static str>,
    kind: Option<Kind>,
    repository: Option<String>,
    path: Option<String>,
    ranged: Option<bool>,
    authorized: Option<bool>,
    /// Matches to let pass, and how many to take then.
    skip: u64,
    take: Option<u64>,
}

macro_rules! some {
    ($($(#[$doc:meta])* $name:ident: $method:literal, $kind:ident;)*) => {
        $($(#[$doc])* #[must_use] pub fn $name() -> Self { Self::of(Some($method), Some(Kind::$kind)) })*
    };
}

impl On {
    /// Every request.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Every request of the kind.
    #[must_use]
    pub fn kind(kind: Kind) -> Self {
        Self::of(None, Some(kind))
    }

    some! {
        /// The API is looked for.
        base: "GET", Base;
        /// A blob is downloaded.
        blob_get: "GET", Blob;
        /// A blob is looked for.
        blob_head: "HEAD", Blob;
        /// A blob is deleted.
        blob_delete: "DELETE", Blob;
        /// An upload begins, or is made in one request; no mount.
        upload_start: "POST", Uploads;
        /// A blob of another repository is mounted.
        mount: "POST", Mount;
        /// A chunk is uploaded.
        upload_chunk: "PATCH", Upload;
        /// An upload ends.
        upload_finish: "PUT", Upload;
        /// Somebody asks how far an upload is.
        upload_status: "GET", Upload;
        /// An upload is given up.
        upload_cancel: "DELETE", Upload;
        /// A manifest is downloaded.
        manifest_get: "GET", Manifest;
        /// A manifest is looked for.
        manifest_head: "HEAD", Manifest;
        /// A manifest is uploaded.
        manifest_put: "PUT", Manifest;
        /// A manifest or a tag is deleted.
        manifest_delete: "DELETE", Manifest;
        /// Tags are listed.
        tags: "GET", Tags;
        /// Referrers are listed.
        referrers: "GET", Referrers;
        /// A token is asked for with a query.
        token_get: "GET", Token;
        /// A token is asked for with a form.
        token_post: "POST", Token;
    }

    /// A token is asked for, in either way.
    #[must_use]
    pub fn token() -> Self {
        Self::kind(Kind::Token)
    }

    /// Of this method only.
    #[must_use]
    pub fn method(mut self, method: &'static str) -> Self {
        self.method = Some(method);
        self
    }

    /// Of this repository only.
    #[must_use]
    pub fn repository(mut self, name: impl Into<String>) -> Self {
        self.repository = Some(name.into());
        self
    }

    /// Those whose path and query contain this text only.
    #[must_use]
    pub fn path(mut self, part: impl Into<String>) -> Self {
        self.path = Some(part.into());
        self
    }

    /// With `Range` only.
    #[must_use]
    pub fn ranged(mut self) -> Self {
        self.ranged = Some(true);
        self
    }

    /// Without `Range` only.
    #[must_use]
    pub fn whole(mut self) -> Self {
        self.ranged = Some(false);
        self
    }

    /// With `Authorization` only.
    #[must_use]
    pub fn authorized(mut self) -> Self {
        self.authorized = Some(true);
        self
    }

    /// Without `Authorization` only.
    #[must_use]
    pub fn anonymous(mut self) -> Self {
        self.authorized = Some(false);
        self
    }

    /// The n-th of them, from 1, and no other.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        (self.skip, self.take) = (n.saturating_sub(1), Some(1));
        self
    }

    /// The first n of them.
    #[must_use]
    pub fn first(mut self, n: u64) -> Self {
        self.take = Some(n);
        self
    }

    /// All but the first n of them; with [`first`](Self::first), those behind.
    #[must_use]
    pub fn after(mut self, n: u64) -> Self {
        self.skip = n;
        self
    }

    fn of(method: Option<&'static str>, kind: Option<Kind>) -> Self {
        Self { method, kind, ..Self::default() }
    }

    /// Whether it is one of them, apart from its number.
    pub(crate) fn is_met(&self, request: &Request, route: &Route) -> bool {
        let kind = match route.kind {
            Kind::Uploads if request.parameter("mount").is_some() => Kind::Mount,
            kind => kind,
        };
        self.method.is_none_or(|method| method == request.method)
            && self.kind.is_none_or(|wanted| wanted == kind)
            && self.repository.as_ref().is_none_or(|name| *name == route.repository)
            && self.path.as_ref().is_none_or(|part| request.target.contains(part.as_str()))
            && self.ranged.is_none_or(|ranged| request.header("Range").is_some() == ranged)
            && self.authorized.is_none_or(|authorized| request.authorization().is_some() == authorized)
    }

    /// Whether the match with this number, from 0, is one of those meant.
    pub(super) fn counts(&self, number: u64) -> bool {
        number >= self.skip && self.take.is_none_or(|take| number - self.skip < take)
    }
}
