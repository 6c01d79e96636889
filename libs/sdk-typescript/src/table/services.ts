// An organization's applications, and their own programs (with a service's key as `apiKey`).

export const services = {
  list: 'GET /api/organizations/{org_slug}/services?',
  create: 'POST /api/organizations/{org_slug}/services {}',
  get: 'GET /api/organizations/{org_slug}/services/{service_slug}',
  delete: 'DELETE /api/organizations/{org_slug}/services/{service_slug}',
  update: 'PATCH /api/organizations/{org_slug}/services/{service_slug} {}',
  rotateSecret: 'POST /api/organizations/{org_slug}/services/{service_slug}/secret/rotate {}',
  checkout: 'POST /api/organizations/{org_slug}/services/{service_slug}/checkout {}',
  plans: {
    list: 'GET /api/organizations/{org_slug}/services/{service_slug}/plans',
    create: 'POST /api/organizations/{org_slug}/services/{service_slug}/plans {}',
    delete: 'DELETE /api/organizations/{org_slug}/services/{service_slug}/plans/{plan_id}',
    update: 'PATCH /api/organizations/{org_slug}/services/{service_slug}/plans/{plan_id} {}',
  },
  saml: {
    get: 'GET /api/organizations/{org_slug}/services/{service_slug}/saml',
    set: 'POST /api/organizations/{org_slug}/services/{service_slug}/saml {}',
    delete: 'DELETE /api/organizations/{org_slug}/services/{service_slug}/saml',
    getCertificate: 'GET /api/organizations/{org_slug}/services/{service_slug}/saml/certificate',
    createCertificate: 'POST /api/organizations/{org_slug}/services/{service_slug}/saml/certificate {}',
    endOverlap: 'DELETE /api/organizations/{org_slug}/services/{service_slug}/saml/certificate/overlap',
    getLogin: 'GET /api/organizations/{org_slug}/services/{service_slug}/saml/login',
  },
  apiKeys: {
    list: 'GET /api/organizations/{org_slug}/services/{service_slug}/api-keys',
    create: 'POST /api/organizations/{org_slug}/services/{service_slug}/api-keys {}',
    get: 'GET /api/organizations/{org_slug}/services/{service_slug}/api-keys/{service_key_id}',
    delete: 'DELETE /api/organizations/{org_slug}/services/{service_slug}/api-keys/{service_key_id}',
  },
} as const;

export const serviceApi = {
  getInfo: 'GET /api/service/info',
  updateInfo: 'PATCH /api/service/info {}',
  getAnalytics: 'GET /api/service/analytics',
  listUsers: 'GET /api/service/users?',
  createUser: 'POST /api/service/users {}',
  getUser: 'GET /api/service/users/{end_user_id}',
  deleteUser: 'DELETE /api/service/users/{end_user_id}',
  updateUser: 'PATCH /api/service/users/{end_user_id} {}',
  listSubscriptions: 'GET /api/service/subscriptions?',
  createSubscription: 'POST /api/service/subscriptions {}',
  getSubscription: 'GET /api/service/subscriptions/{end_user_id}',
  deleteSubscription: 'DELETE /api/service/subscriptions/{end_user_id}',
  updateSubscription: 'PATCH /api/service/subscriptions/{end_user_id} {}',
} as const;

export const analytics = {
  getLoginTrends: 'GET /api/organizations/{org_slug}/analytics/login-trends?',
  getLoginsByService: 'GET /api/organizations/{org_slug}/analytics/logins-by-service?',
  getLoginsByProvider: 'GET /api/organizations/{org_slug}/analytics/logins-by-provider?',
  getRecentLogins: 'GET /api/organizations/{org_slug}/analytics/recent-logins?',
} as const;
