//! tenantry-api
