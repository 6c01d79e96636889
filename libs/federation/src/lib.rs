//! tenantry-federation
