use wasmparser::{
    ComponentAlias, ComponentExport, ComponentExternalKind, ComponentImport, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, Encoding, Instance, Parser, Payload,
};

use super::{
    Budget,
    scan::{each, every},
    within,
};
use crate::{Result, outline::invalid};

/// Returns how many instances a program is made of; for a component also those that are no more than a name.
///
/// It need not be valid, and no function is looked into. Above the default budget it is an error.
pub(crate) fn instances(wasm: &[u8]) -> Result<u64> {
    let (mut nesting, budget) = (Nesting::default(), Budget::default());
    Parser::new(0)
        .parse_all(wasm)
        .try_for_each(|payload| nesting.payload(&payload.map_err(invalid)?, &budget))?;
    Ok(nesting.whole.unwrap_or(1))
}

/// How many instances a component is made of: the compiler makes each of them one by one, and a component that
/// instantiates ten times one that instantiates ten times another is a hundred.
#[derive(Default)]
pub(super) struct Nesting {
    /// The components around the place that is being read, the outermost first; `None` is a module.
    open: Vec<Option<Component>>,
    nested: u64,
    /// Of the outermost, when it has been read, if it is a component.
    whole: Option<u64>,
}

#[derive(Default)]
struct Component {
    instances: u64,
    /// How many instances each component has that can be named here; `None` where only who uses it could tell.
    known: Vec<Option<u64>>,
}

impl Nesting {
    pub(super) fn payload(&mut self, payload: &Payload<'_>, budget: &Budget) -> Result<()> {
        match payload {
            Payload::Version { encoding: Encoding::Module, .. } => self.open.push(None),
            Payload::Version { encoding: Encoding::Component, .. } => {
                self.open.push(Some(Component::default()));
            }
            Payload::End(_) => return self.end(budget),
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                self.nested += 1;
                return within("nested modules and components", self.nested, budget.nested);
            }
            Payload::InstanceSection(section) => {
                every(section.clone(), |instance| self.core_instance(&instance))?;
            }
            Payload::ComponentInstanceSection(section) => {
                each(section.clone(), |instance| self.instance(&instance, budget))?;
            }
            Payload::ComponentImportSection(section) => {
                every(section.clone(), |import| self.import(&import))?;
            }
            Payload::ComponentExportSection(section) => {
                every(section.clone(), |export| self.export(&export))?;
            }
            Payload::ComponentAliasSection(section) => every(section.clone(), |alias| self.alias(&alias))?,
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, budget: &Budget) -> Result<()> {
        let Some(Some(Component { instances, .. })) = self.open.pop() else { return Ok(()) };
        match self.open.last_mut() {
            Some(Some(around)) => around.known.push(Some(instances)),
            _ => self.whole = Some(instances),
        }
        within("instances", instances, budget.instances)
    }

    fn core_instance(&mut self, instance: &Instance<'_>) {
        if let (Instance::Instantiate { .. }, Some(component)) = (instance, self.component()) {
            component.instances += 1;
        }
    }

    fn instance(&mut self, instance: &ComponentInstance<'_>, budget: &Budget) -> Result<()> {
        let ComponentInstance::Instantiate { component_index, .. } = instance else { return Ok(()) };
        let Some(component) = self.component() else { return Ok(()) };
        match component.find(*component_index) {
            Some(Some(instances)) => {
                component.instances = component.instances.saturating_add(instances).saturating_add(1);
                within("instances", component.instances, budget.instances)
            }
            Some(None) => within("instances of components that are given to it", 1, 0),
            // Not valid, as the compiler will say.
            None => Ok(()),
        }
    }

    fn import(&mut self, import: &ComponentImport<'_>) {
        if let ComponentTypeRef::Component(_) = import.ty {
            self.know(None);
        }
    }

    fn export(&mut self, export: &ComponentExport<'_>) {
        if export.kind == ComponentExternalKind::Component {
            let known = self.component().and_then(|component| component.find(export.index));
            self.know(known.flatten());
        }
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) {
        match alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => self.know(None),
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                let outer = usize::try_from(*count).ok().and_then(|count| self.open.iter().rev().nth(count));
                let known = outer.and_then(|component| component.as_ref()?.find(*index));
                self.know(known.flatten());
            }
            _ => {}
        }
    }

    fn know(&mut self, instances: Option<u64>) {
        if let Some(component) = self.component() {
            component.known.push(instances);
        }
    }

    fn component(&mut self) -> Option<&mut Component> {
        self.open.last_mut()?.as_mut()
    }
}

impl Component {
    fn find(&self, index: u32) -> Option<Option<u64>> {
        self.known.get(usize::try_from(index).ok()?).copied()
    }
}
