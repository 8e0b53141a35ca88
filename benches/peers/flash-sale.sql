-- The usual flash sale on PostgreSQL: stock is a row, an order is another, and a buyer has one order of a SKU.
CREATE TABLE sku (id text PRIMARY KEY, available bigint NOT NULL CHECK (available >= 0));
CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sku text NOT NULL,
  buyer bigint NOT NULL,
  request bigint NOT NULL,
  UNIQUE (sku, buyer)
);
