//! tenantry-tests
