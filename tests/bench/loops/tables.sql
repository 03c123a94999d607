create table t(a integer primary key, b int, c text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) insert into t select i, (i * 31) % 997, 'x' || i from n;
create index tb on t(b);
