//! Files of the host that are copied into a task's workspace. The worker copies them, not the task: what
//! confines a task does not keep it from being handed what it may not read, so this does.

use super::codes;
use super::effective::Policy;
use super::grant::{Grant, Granted};
use super::judge::{Judged, shown};
use super::location::normal;
use super::place::{PolicyPath, Site, covers};
use super::sandbox::SandboxLevel;
use super::secret_places::is_sensitive;
use crate::ids::TaskId;

impl Policy {
    /// What there is to say of one staged path. `named` are the values of the run's own inputs, which a
    /// person gave or has seen: beyond what tasks may read, only such a path is staged, as it is and
    /// never one that a task came up with, and none that holds keys or belongs to the host.
    pub(super) fn judge_staged(
        &self,
        task: &TaskId,
        path: &str,
        named: &[&str],
        site: &Site,
    ) -> Option<Judged> {
        let path = normal(path).filter(|path| path.starts_with('/'));
        let wanted = path.as_deref().unwrap_or_default();
        // A link in what tasks may read opens nothing of what it leads to.
        let real = site.real.get(wanted);
        let is_open = self.reads(task, wanted, site)
            && real.is_none_or(|real| {
                self.reads(task, real, site) || self.reads(task, real, &site.resolved())
            });
        if self.sandbox.level == SandboxLevel::None || is_open {
            return None;
        }
        let is_named = named
            .iter()
            .any(|named| normal(named).as_deref() == Some(wanted));
        if is_named && !is_sensitive(wanted, site) {
            let message = format!(
                "`{}` is staged from outside of what tasks may read",
                shown(wanted)
            );
            let finding = codes::FILE_OUTSIDE.finding(message, Some(task));
            let finding = finding.fix(codes::FILE_OUTSIDE.remedy);
            return Some(Judged {
                finding,
                grant: None,
            });
        }
        let message = format!(
            "{} does not let it read `{}`, so it is not staged",
            self.pack,
            shown(wanted)
        );
        let grant = wanted
            .parse()
            .ok()
            .map(|path: PolicyPath| Granted::Read { path });
        let finding = codes::PATH_NOT_ALLOWED.finding(message, Some(task));
        let finding = finding.fix(codes::PATH_NOT_ALLOWED.remedy);
        Some(Judged { finding, grant })
    }

    /// Lets every task read a path that a person named on the command line, unless it holds credentials,
    /// belongs to the host, or is open anyway. `by` says how it was named.
    pub fn lend(&mut self, path: &str, by: &str, site: &Site) {
        let Some(path) = normal(path).filter(|path| path.starts_with('/')) else {
            return;
        };
        let open = self.paths.read.iter().chain(&self.paths.write);
        let mut open = open.flat_map(|open| open.in_tree().resolve(site));
        let is_open = !site.tree_holds_home() && open.any(|open| covers(&open, &path));
        if self.sandbox.level == SandboxLevel::None || is_open || is_sensitive(&path, site) {
            return;
        }
        if let Ok(path) = path.parse() {
            self.grants.insert(Grant {
                what: Granted::Read { path },
                task: None,
                by: by.to_owned(),
            });
        }
    }

    /// Whether a task may read a path of the host anyway.
    fn reads(&self, task: &TaskId, path: &str, site: &Site) -> bool {
        let granted = self.grants.iter().filter_map(|grant| match &grant.what {
            Granted::Read { path } | Granted::Write { path }
                if self.grants_to(&grant.what, task) =>
            {
                Some(path)
            }
            _ => None,
        });
        let own = self.paths.read.iter().chain(&self.paths.write);
        let open = own.filter(|path| !(path.is_of_tree() && site.tree_holds_home()));
        open.chain(granted).any(|open| {
            let open = open.in_tree().resolve(site);
            open.iter().any(|open| covers(open, path))
        })
    }
}
