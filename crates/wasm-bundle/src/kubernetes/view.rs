//! What of a manifest is about pods: read field by field, because anything may stand anywhere.

use serde_json::{Map, Value};

use crate::{Error, Result, error::shortened};

pub(super) type Fields = Map<String, Value>;

/// An object, and how it is called in findings: `Deployment/app`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object<'a> {
    pub(super) kind: &'a str,
    pub(super) name: &'a str,
    pub(super) fields: &'a Fields,
}

/// A pod, or the template of one.
#[derive(Debug)]
pub(super) struct Pod<'a> {
    /// The object that it is in.
    pub(super) owner: Object<'a>,
    pub(super) annotations: Vec<(&'a str, &'a str)>,
    pub(super) spec: &'a Fields,
    /// Init containers first.
    pub(super) containers: Vec<&'a Fields>,
}

/// The objects of all documents; a `List` is what is in it.
pub(super) fn objects(documents: &[Value]) -> Result<Vec<Object<'_>>> {
    let mut objects = vec![];
    for document in documents {
        let fields = map(document, "document")?;
        let kind = string(fields, "kind")?.ok_or_else(|| kind_of("kind", "there"))?;
        if kind.ends_with("List") && fields.contains_key("items") {
            let items = list(fields, "items")?;
            objects.extend(items.iter().map(object).collect::<Result<Vec<_>>>()?);
        } else {
            objects.push(object(document)?);
        }
    }
    Ok(objects)
}

fn object(value: &Value) -> Result<Object<'_>> {
    let fields = map(value, "item")?;
    let kind = string(fields, "kind")?.ok_or_else(|| kind_of("kind", "there"))?;
    let name = match table(fields, "metadata")? {
        Some(metadata) => string(metadata, "name")?,
        None => None,
    };
    Ok(Object { kind, name: name.unwrap_or("?"), fields })
}

impl<'a> Object<'a> {
    /// How findings call it.
    pub(super) fn place(&self) -> String {
        format!("{}/{}", shortened(self.kind), shortened(self.name))
    }

    /// The annotations of the object itself.
    pub(super) fn annotations(&self) -> Result<Vec<(&'a str, &'a str)>> {
        match table(self.fields, "metadata")? {
            Some(metadata) => pairs(metadata, "annotations"),
            None => Ok(vec![]),
        }
    }

    /// The pod that it is, or makes.
    pub(super) fn pod(&self) -> Result<Option<Pod<'a>>> {
        let Some(body) = self.pod_fields()? else { return Ok(None) };
        let annotations = match table(body, "metadata")? {
            Some(metadata) => pairs(metadata, "annotations")?,
            None => vec![],
        };
        let Some(spec) = table(body, "spec")? else { return Ok(None) };
        let mut containers = vec![];
        for field in ["initContainers", "containers"] {
            for container in list(spec, field)? {
                containers.push(map(container, field)?);
            }
        }
        Ok(Some(Pod { owner: *self, annotations, spec, containers }))
    }

    /// Whether its pods have metadata of their own.
    pub(super) fn is_template(&self) -> bool {
        path(self.kind).is_some_and(|path| !path.is_empty())
    }

    fn pod_fields(&self) -> Result<Option<&'a Fields>> {
        let Some(path) = path(self.kind) else { return Ok(None) };
        let mut fields = self.fields;
        for key in path {
            match table(fields, key)? {
                Some(below) => fields = below,
                None => return Ok(None),
            }
        }
        Ok(Some(fields))
    }
}

/// Where the template of a kind's pods is.
pub(super) fn path(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        "Pod" => Some(&[]),
        "PodTemplate" => Some(&["template"]),
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "ReplicationController" => {
            Some(&["spec", "template"])
        }
        "CronJob" => Some(&["spec", "jobTemplate", "spec", "template"]),
        _ => None,
    }
}

/// A field that must be a mapping where it is there.
pub(super) fn table<'a>(fields: &'a Fields, key: &str) -> Result<Option<&'a Fields>> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => map(value, key).map(Some),
    }
}

/// A field that must be a list where it is there.
pub(super) fn list<'a>(fields: &'a Fields, key: &str) -> Result<&'a [Value]> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(kind_of(key, "a list")),
    }
}

/// A field that must be a text where it is there.
pub(super) fn string<'a>(fields: &'a Fields, key: &str) -> Result<Option<&'a str>> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(kind_of(key, "a text")),
    }
}

/// A field that must be true or false where it is there.
pub(super) fn flag(fields: &Fields, key: &str) -> Result<bool> {
    match fields.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(on)) => Ok(*on),
        Some(_) => Err(kind_of(key, "true or false")),
    }
}

/// The texts of a mapping.
pub(super) fn pairs<'a>(fields: &'a Fields, key: &str) -> Result<Vec<(&'a str, &'a str)>> {
    let Some(table) = table(fields, key)? else { return Ok(vec![]) };
    table
        .iter()
        .map(|(key, value)| Ok((key.as_str(), value.as_str().ok_or_else(|| kind_of(key, "a text"))?)))
        .collect()
}

fn map<'a>(value: &'a Value, at: &str) -> Result<&'a Fields> {
    value.as_object().ok_or_else(|| kind_of(at, "a mapping"))
}

fn kind_of(at: &str, expected: &'static str) -> Error {
    Error::Kind { what: "manifest", at: shortened(at), expected }
}
