//! The level of the sandbox as the person who starts a run chooses it.

use super::codes;
use super::effective::Policy;
use super::finding::Finding;
use super::sandbox::SandboxLevel;

impl Policy {
    /// The same policy at the level that was chosen, `origin` saying how (`--sandbox`).
    ///
    /// # Errors
    /// The level is lower and the policy does not let it be lowered. No approval grants that.
    pub fn at_level(mut self, level: SandboxLevel, origin: &str) -> Result<Self, Finding> {
        let own = self.sandbox.level;
        if level > own && !self.sandbox.may_lower {
            let message = format!(
                "{} keeps tasks at sandbox level `{own}`; {origin} asks for `{level}`",
                self.pack
            );
            let code = &codes::LEVEL_TOO_LOW;
            return Err(code.finding(message, None).fix(code.remedy));
        }
        if level != own {
            self.sandbox.level = level;
            self.origins.set("sandbox.level", origin);
        }
        Ok(self)
    }
}
