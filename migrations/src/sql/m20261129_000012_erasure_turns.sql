-- Organizations whose logs are searched for somebody to be erased take turns, a batch each.
alter table erasures add column worked_at {time}; -- when a batch of this order was last done; null: never, or by a version before this column
