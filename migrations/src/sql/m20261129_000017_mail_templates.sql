-- Texts of an organization's own for its mails.
create table mail_templates (
    org_id {uuid} not null references organizations (id) on delete cascade,
    id {uuid} not null,
    template text not null,      -- which mail: invitation, reset_password, …
    language text not null,      -- de, en, …
    subject text not null,       -- with variables, like the bodies
    body text not null,
    html text,                   -- null: made of the body
    ceiling text not null,       -- what whoever wrote it held: owner, admin, or capabilities separated by spaces
    updated_at {time} not null,
    primary key (org_id, id),
    constraint mail_templates_language unique (org_id, template, language)
);
-- The language of an organization's mails whose reader did not ask for one; no row: English.
create table mail_languages (
    org_id {uuid} primary key references organizations (id) on delete cascade,
    language text not null
);
