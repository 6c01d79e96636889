//! tenantry-worker
