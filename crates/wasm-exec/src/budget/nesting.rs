use wasmparser::{
    ComponentAlias, ComponentExport, ComponentExternalKind, ComponentImport, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, Instance,
};

use super::{Budget, within};
use crate::Result;

/// How many instances a component is made of: the compiler makes each of them one by one, and a component that
/// instantiates ten times one that instantiates ten times another is a hundred.
#[derive(Default)]
pub(super) struct Nesting {
    /// The components around the place that is being read, the outermost first.
    open: Vec<Component>,
    nested: u64,
}

#[derive(Default)]
struct Component {
    instances: u64,
    /// How many instances each component has that can be named here; `None` where only who uses it could tell.
    known: Vec<Option<u64>>,
}

impl Nesting {
    pub(super) fn begin_component(&mut self) {
        self.open.push(Component::default());
    }

    pub(super) fn end_component(&mut self, budget: &Budget) -> Result<()> {
        let instances = self.open.pop().unwrap_or_default().instances;
        self.know(Some(instances));
        within("instances", instances, budget.instances)
    }

    /// A module or component inside of another.
    pub(super) fn nested(&mut self, budget: &Budget) -> Result<()> {
        self.nested += 1;
        within("nested modules and components", self.nested, budget.nested)
    }

    pub(super) fn core_instance(&mut self, instance: &Instance<'_>) {
        if let (Instance::Instantiate { .. }, Some(component)) = (instance, self.open.last_mut()) {
            component.instances += 1;
        }
    }

    pub(super) fn instance(&mut self, instance: &ComponentInstance<'_>, budget: &Budget) -> Result<()> {
        let ComponentInstance::Instantiate { component_index, .. } = instance else { return Ok(()) };
        let Some(component) = self.open.last_mut() else { return Ok(()) };
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

    pub(super) fn import(&mut self, import: &ComponentImport<'_>) {
        if let ComponentTypeRef::Component(_) = import.ty {
            self.know(None);
        }
    }

    pub(super) fn export(&mut self, export: &ComponentExport<'_>) {
        if export.kind == ComponentExternalKind::Component {
            let known = self.open.last().and_then(|component| component.find(export.index));
            self.know(known.flatten());
        }
    }

    pub(super) fn alias(&mut self, alias: &ComponentAlias<'_>) {
        match alias {
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => self.know(None),
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                let outer = usize::try_from(*count).ok().and_then(|count| self.open.iter().rev().nth(count));
                let known = outer.and_then(|component| component.find(*index));
                self.know(known.flatten());
            }
            _ => {}
        }
    }

    fn know(&mut self, instances: Option<u64>) {
        if let Some(component) = self.open.last_mut() {
            component.known.push(instances);
        }
    }
}

impl Component {
    fn find(&self, index: u32) -> Option<Option<u64>> {
        self.known.get(usize::try_from(index).ok()?).copied()
    }
}
