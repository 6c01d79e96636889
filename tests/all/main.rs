//! Every black-box test of Tenantry, in one binary, so that only one has to be linked.

mod organizations;
