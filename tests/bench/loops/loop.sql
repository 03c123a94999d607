select count(*), sum(x.a), max(y.c) from t x join t y on x.b = y.b where x.a < 300;
select b, count(*), sum(length(c)) from t where a < 4000 group by b order by 3 desc limit 3;
with recursive n(i, s) as (select 1, 0 union all select i + 1, (s * 31 + i) % 65537 from n where i < 5000) select sum(s) from n;
select 'round' || printf('%4200s', '');
