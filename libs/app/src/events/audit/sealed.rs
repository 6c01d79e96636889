//! The sealed log: checkpoints, proofs, and the export that anybody can verify.

use crypto::audit::export::Line;
use domain::{EventId, Page, Result, Total, authorization::policy::decide, core::value::Slug};
use serde_json::Value;
use store::events::audit::{Checkpoint, ExportFrame, Proof};

use super::EXPORT_STEP;
use crate::{App, Caller};

impl App {
    /// A page of checkpoints, newest first, and how many there are.
    pub async fn audit_checkpoints(&self, c: &Caller, slug: &Slug, page: Page) -> Result<(Vec<Checkpoint>, Total)> {
        let standing = self.standing(c, slug).await?;
        let scope = decide(&standing)?;
        self.list(scope.org(), page.is_deep(), self.store.checkpoints_page(scope, page)).await
    }

    /// The proof that a record is in the log.
    pub async fn audit_proof(&self, c: &Caller, slug: &Slug, id: &str) -> Result<Proof> {
        let standing = self.standing(c, slug).await?;
        let scope = decide(&standing)?;
        // Who may not look is told so whatever they ask for; what cannot be an id is an id that is not there.
        let id: EventId = id.parse().map_err(|_| domain::Error::not_found("audit record"))?;
        self.heavy_read(scope.org(), self.store.audit_proof(scope, id)).await
    }

    /// The public halves of all keys that ever signed a checkpoint, as a JWK set.
    pub async fn audit_keys(&self) -> Result<Value> {
        self.store.audit_jwks().await
    }

    /// Begins a sealed export.
    pub async fn begin_sealed_export(&self, c: &Caller, slug: &Slug) -> Result<ExportFrame> {
        let standing = self.standing(c, slug).await?;
        let scope = decide(&standing)?;
        self.heavy_read(scope.org(), self.store.begin_export(scope, c.call.now)).await
    }

    /// The next lines of a sealed export, and the record to go on after. Decided anew at each step, as every export is.
    pub async fn sealed_export(
        &self,
        c: &Caller,
        slug: &Slug,
        frame: &ExportFrame,
        after: i64,
    ) -> Result<(Vec<Line>, Option<i64>)> {
        let standing = self.standing(c, slug).await?;
        let scope = decide(&standing)?;
        self.heavy_read(scope.org(), self.store.export_after(scope, frame, after, EXPORT_STEP)).await
    }
}
