//! Registries, over HTTP: feature `registry`.
//!
//! A [`Registry`] moves images and artifacts between registries, layouts and memory. It blocks: no async runtime is needed
//! to use it, and none is in the way.
//!
//! ```no_run
//! use wasm_oci::{Format, Pack, Reference, registry::{Options, Registry}};
//!
//! let registry = Registry::new(Options::default())?;
//! let image = Pack::new(std::fs::read("app.wasm")?, "/app.wasm")?.build(Format::Artifact)?;
//! let name: Reference = "localhost:5000/me/app:v1".parse()?;
//! let pushed = registry.push(&image, &name)?;
//! println!("{}@{}", name.registry(), pushed.digest());
//! assert_eq!(registry.artifact(&name, None)?.digest(), image.digest());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is trusted
//!
//! Nobody. Documents are read up to 4 MiB, tokens and errors up to 64 KiB, pages of tags up to 1 MiB; a blob is compared
//! with [`Options::blob_limit`] before it is asked for, and with its size and digest as it comes. Beside what is asked for
//! no more than a few pieces of 64 KiB are held in memory, however large a blob is.
//!
//! Credentials and tokens are sent to one origin, the scheme, host and port of the registry, wherever it redirects us to.
//! Tokens are asked for over HTTPS only (plain HTTP: on this machine only), at the registry's own host, at Docker Hub's and
//! GitLab's for those two, or where [`Options::allow_realm`] says. Nothing secret is in `Debug`, in errors or in events.

mod behind;
mod challenge;
mod document;
mod download;
mod event;
mod http;
mod list;
mod login;
mod manifest;
mod options;
mod pull;
mod push;
mod reactor;
mod referrers;
mod session;
mod token;
mod upload;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use oci_spec::image::Descriptor;

pub use self::{
    event::{Event, How, Way},
    login::Login,
    options::{Options, Timeouts},
    referrers::Attachment,
};
use self::{
    http::Http,
    pull::{Node, Source},
    push::{Origin, Target},
    reactor::Reactor,
    session::Session,
};
use crate::{Archive, Artifact, Content, Error, Layout, Overwrite, Platform, Reference, Result, layout};

/// A client of registries. It keeps connections and tokens as long as it lives.
///
/// Its methods block the calling thread. They may be called from several threads at once, and from a thread of an async
/// runtime, which they block too: there, use a thread for blocking.
///
/// A reference without tag and digest means the tag `latest`; of a tag and a digest the digest counts.
///
/// Every method fails with [`Error::Connect`], [`Error::TimedOut`], [`Error::Unauthorized`], [`Error::ForeignRealm`],
/// [`Error::Refused`], [`Error::NotFound`], [`Error::BadAnswer`], [`Error::BadRedirect`] and [`Error::Credentials`] for
/// what can be wrong with a registry and the way to it, after trying again as often as [`Options::retries`] says what may
/// pass.
pub struct Registry {
    reactor: Reactor,
    http: Arc<Http>,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
}

/// What of an index is meant; a manifest is always itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pick {
    /// The image for WebAssembly, or the only one. The default.
    #[default]
    Wasm,
    /// The image for this platform.
    Platform(Platform),
    /// All of it.
    All,
}

impl Registry {
    /// A client with these options.
    ///
    /// It chooses ring as this process's provider for rustls, unless one is chosen already.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the system gives no thread.
    pub fn new(options: Options) -> Result<Self> {
        let reactor = Reactor::start().map_err(Error::io("start", "a thread"))?;
        let http = Arc::new(Http::new(Arc::new(options)));
        Ok(Self { reactor, http, sessions: Mutex::default() })
    }

    /// Finds out what a reference names: media type, digest and size of its manifest or index.
    ///
    /// # Errors
    ///
    /// As of every method; [`Error::Json`], [`Error::Malformed`], [`Error::MediaType`] and [`Error::TooLarge`] for a
    /// document of another kind; [`Error::Size`] and [`Error::Digest`] when it is not what it should be.
    pub fn resolve(&self, reference: &Reference) -> Result<Descriptor> {
        let (session, reference) = (self.session(reference)?, reference.clone());
        self.reactor.run(async move { Ok(session.manifest(&reference).await?.descriptor) })
    }

    /// Reads an image into memory; of an index of several, the one for `platform`, chosen as by [`Artifact::resolve`].
    ///
    /// # Errors
    ///
    /// As of [`resolve`](Self::resolve) and of [`Artifact::resolve`].
    pub fn artifact(&self, reference: &Reference, platform: Option<&Platform>) -> Result<Artifact> {
        let source = Source::new(self.session(reference)?, reference);
        let (reference, platform) = (reference.clone(), platform.cloned());
        self.reactor.run(async move { source.artifact(&reference, platform.as_ref()).await })
    }

    /// Brings an image, artifact or index into a layout, and gives it an entry there, under `tag` if there is one.
    ///
    /// What the layout has already is not fetched; what another thread or process is fetching into it is waited for; what
    /// was fetched in part is gone on with. The entry is written last.
    ///
    /// # Errors
    ///
    /// As of [`resolve`](Self::resolve), [`Layout::begin`] and [`Layout::insert`]; [`Error::NoSuchPlatform`].
    pub fn pull(
        &self,
        from: &Reference,
        pick: &Pick,
        layout: &mut Layout,
        tag: Option<&str>,
        overwrite: Overwrite,
    ) -> Result<Descriptor> {
        tag.map_or(Ok(()), layout::check_tag)?;
        if let Some(tag) = tag
            && overwrite == Overwrite::Refuse
            && layout.tags().any(|there| there == tag)
        {
            return Err(Error::TagExists { tag: tag.to_owned() });
        }
        let source = Source::new(self.session(from)?, from);
        let (from, pick, into) = (from.clone(), pick.clone(), layout.clone());
        let descriptor = self.reactor.run(async move {
            let fetched = source.picked(&from, &pick).await?;
            let descriptor = fetched.descriptor.clone();
            source.pull(fetched, &into).await.map(|()| descriptor)
        })?;
        layout.insert(tag, descriptor.clone(), overwrite)?;
        Ok(descriptor)
    }

    /// Brings an image, or an index with all its images, from memory into a registry.
    ///
    /// # Errors
    ///
    /// As of every method; [`Error::Digest`] when the reference has a digest and it is another one.
    pub fn push(&self, content: &dyn Content, to: &Reference) -> Result<Descriptor> {
        self.send(push::of_memory(content), Origin::of(content), to)
    }

    /// Brings an image, artifact or index from a layout into a registry: what is under `tag`, or the only entry there is.
    /// Blobs are read from the layout as they are sent.
    ///
    /// # Errors
    ///
    /// As of every method and of [`Layout::blob`]; [`Error::NoSuchTag`]; [`Error::Json`], [`Error::Malformed`],
    /// [`Error::MediaType`] and [`Error::TooLarge`] for documents of another kind; [`Error::Digest`] when the reference has
    /// a digest and it is another one.
    pub fn push_layout(&self, layout: &Layout, tag: Option<&str>, to: &Reference) -> Result<Descriptor> {
        let root = layout::find(layout.index(), tag)?;
        self.send_files(Origin::Layout(Arc::new(layout.clone())), root, to)
    }

    /// The same from an archive.
    ///
    /// # Errors
    ///
    /// As of [`push_layout`](Self::push_layout).
    pub fn push_archive(&self, archive: &Archive, tag: Option<&str>, to: &Reference) -> Result<Descriptor> {
        let root = layout::find(archive.index(), tag)?;
        self.send_files(Origin::Archive(Arc::new(archive.clone())), root, to)
    }

    /// Brings an image, artifact or index from one registry into another, or into another repository, without a copy on
    /// this machine. Within a registry it is not moved at all, where the registry allows that.
    ///
    /// # Errors
    ///
    /// As of [`resolve`](Self::resolve); [`Error::NoSuchPlatform`]; [`Error::Digest`] when the target has a digest and it
    /// is another one.
    pub fn copy(&self, from: &Reference, pick: &Pick, to: &Reference) -> Result<Descriptor> {
        let (source, nodes) = self.read(from, pick)?;
        self.send(nodes, Origin::Registry(source), to)
    }

    /// As [`copy`](Self::copy), and then what is attached to it, to the images of the index, and to the attachments
    /// themselves: SBOMs, signatures, signatures of SBOMs. Returns the descriptors of those behind that of the copy.
    ///
    /// # Errors
    ///
    /// As of [`copy`](Self::copy) and [`referrers`](Self::referrers); [`Error::Malformed`] when the list of what is
    /// attached names what belongs to something else, more than 1,000 of them, or some that are attached to one another
    /// more than 8 deep.
    pub fn copy_with_referrers(
        &self,
        from: &Reference,
        pick: &Pick,
        to: &Reference,
    ) -> Result<(Descriptor, Vec<Descriptor>)> {
        let (source, nodes) = self.read(from, pick)?;
        let subjects = nodes.iter().map(|node| node.fetched.descriptor.clone()).collect();
        let copied = self.send(nodes, Origin::Registry(source.clone()), to)?;
        let target = Target::new(self.session(to)?, to);
        let found = self.reactor.run(async move { referrers::copy(&source, &target, subjects).await })?;
        Ok((copied, found))
    }

    /// Reads every document of what is meant.
    fn read(&self, from: &Reference, pick: &Pick) -> Result<(Source, Vec<Node>)> {
        let source = Source::new(self.session(from)?, from);
        let (from, pick) = (from.clone(), pick.clone());
        self.reactor.run(async move {
            let fetched = source.picked(&from, &pick).await?;
            let nodes = source.nodes(fetched).await?;
            Ok((source, nodes))
        })
    }

    /// Returns the tags of the reference's repository, in the registry's order.
    ///
    /// # Errors
    ///
    /// As of every method; [`Error::Json`] and [`Error::TooLarge`] for what is no list of tags.
    pub fn tags(&self, repository: &Reference) -> Result<Vec<String>> {
        let (session, repository) = (self.session(repository)?, repository.repository().to_owned());
        self.reactor.run(async move { session.tags(&repository).await })
    }

    /// Deletes a tag, or, by digest, a manifest with all its tags. Many registries allow only the latter, or neither.
    ///
    /// # Errors
    ///
    /// As of every method.
    pub fn delete(&self, reference: &Reference) -> Result<()> {
        let (session, reference) = (self.session(reference)?, reference.clone());
        self.reactor.run(async move { session.delete(&reference).await })
    }

    /// Attaches an SBOM, a signature or the like to what the reference names, and returns its manifest.
    ///
    /// Where the registry has no API for referrers it is noted under the tag `sha256-…`, as the
    /// [specification](https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md#referrers-tag-schema) says.
    ///
    /// # Errors
    ///
    /// As of [`resolve`](Self::resolve).
    pub fn attach(&self, to: &Reference, attachment: &Attachment) -> Result<Descriptor> {
        let (session, to, attachment) = (self.session(to)?, to.clone(), attachment.clone());
        self.reactor.run(async move { referrers::attach(session, &to, &attachment).await })
    }

    /// Returns what is attached to what the reference names, of this artifact type, or of every type.
    ///
    /// # Errors
    ///
    /// As of [`resolve`](Self::resolve).
    pub fn referrers(&self, to: &Reference, artifact_type: Option<&str>) -> Result<Vec<Descriptor>> {
        let (session, to) = (self.session(to)?, to.clone());
        let artifact_type = artifact_type.map(str::to_owned);
        self.reactor.run(async move { referrers::discover(&session, &to, artifact_type.as_deref()).await })
    }

    /// Sends what is in files.
    fn send_files(&self, origin: Origin, root: &Descriptor, to: &Reference) -> Result<Descriptor> {
        self.send(push::of_files(&origin, root)?, origin, to)
    }

    /// Sends documents and what they lead to; the last of them is what is meant.
    fn send(&self, nodes: Vec<Node>, origin: Origin, to: &Reference) -> Result<Descriptor> {
        let Some(root) = nodes.last().map(|node| node.fetched.descriptor.clone()) else {
            return Err(Error::malformed("the index", "there is nothing in it"));
        };
        if let Some(wanted) = to.digest().filter(|wanted| *wanted != root.digest()) {
            let (expected, actual) = (Box::new(wanted.clone()), Box::new(root.digest().clone()));
            return Err(Error::Digest { expected, actual });
        }
        let target = Target::new(self.session(to)?, to);
        let to = match (to.tag(), to.digest()) {
            (None, None) => {
                Reference::of(to.registry(), to.repository(), Some(manifest::LATEST.to_owned()), None)
            }
            _ => to.clone(),
        };
        self.reactor.run(async move { target.push(nodes, &origin, &to).await })?;
        Ok(root)
    }

    fn session(&self, reference: &Reference) -> Result<Arc<Session>> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(reference.registry()) {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(Session::new(Arc::clone(&self.http), reference.registry())?);
        sessions.insert(reference.registry().to_owned(), Arc::clone(&session));
        Ok(session)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("http", &self.http).finish_non_exhaustive()
    }
}
