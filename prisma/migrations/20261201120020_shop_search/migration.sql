-- What the shop's lists are searched by.

SELECT app.make_searchable('products', '{title,vendor,category}');
SELECT app.make_searchable('products', '{sku}', source => 'variants', row_column => 'product_id');
SELECT app.make_searchable('variants', '{title,sku}');
SELECT app.make_searchable('customers', '{name,email,city}');
