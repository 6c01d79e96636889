//! tenantry-app
