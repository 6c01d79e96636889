-- An index of some rows only was read from end to end for a client's grants wherever the database did not know yet how many there are: that the join leaves
-- out the others is enough for it. One of all rows is read only by whom it helps; with the person, it also finds what somebody allowed a client.
drop index grants_of_client;
create index grants_of_client on grants (client_org_id, client_id, user_id);
