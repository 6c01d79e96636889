-- Who holds what of webhooks and log streams: after a person has left, the organization is told.

-- Who chose the URL. Not a reference: the endpoint outlives the account. Null: a program, or it was before this step.
alter table webhooks add column url_chosen_by {uuid};
-- Likewise of a log stream.
alter table log_streams add column url_chosen_by {uuid};
-- Who was shown the signing secret that is current.
alter table webhooks add column secret_shown_to {uuid};
