-- How organizations look.
alter table organizations add column brand_logo_url text;       -- where the logo was fetched; null: there is none
alter table organizations add column brand_primary_color text;  -- #rgb or #rrggbb; null: none was chosen
-- Logos, as they were when they were fetched. Served by us.
create table brand_logos (
    org_id {uuid} primary key references organizations (id) on delete cascade,
    version text not null,      -- names the picture: another one has another name
    media text not null,        -- image/png, image/jpeg, image/webp
    picture {bytes} not null,   -- at most 256 KB
    fetched_at {time} not null
);
