//! The usual flash sale on Redis, for comparison: one script that checks the buyer and the stock, decrements,
//! records the buyer and appends the order to a stream. Same buyers, same limits, same questions at the end.

use tidegate_protocol::resp::Value;

use super::config::{RunConfig, UNIT_PRICE};
use super::templates::Templates;
use crate::client::{Client, command, unexpected};
use crate::error::LoadError;
use crate::ledger::{Account, Finding, FindingKind, Ledger, Verdict};

/// Without a limit nobody has to be asked, only recorded; with a limit of one unit the set of buyers answers;
/// with a higher one a count per buyer does.
const UNLIMITED: &str = r"
local left = tonumber(redis.call('GET', KEYS[1]))
local qty = tonumber(ARGV[4])
if not left then return {'NOT_FOUND'} end
if left < qty then return {'SOLD_OUT'} end
redis.call('DECRBY', KEYS[1], qty)
redis.call('SADD', KEYS[2], ARGV[3])
local id = redis.call('XADD', KEYS[3], '*', 'req', ARGV[2], 'buyer', ARGV[3], 'qty', qty)
return {'RESERVED', id, qty * tonumber(ARGV[1])}
";
const ONE_EACH: &str = r"
if redis.call('SISMEMBER', KEYS[2], ARGV[3]) == 1 then return {'LIMIT', 0} end
local left = tonumber(redis.call('GET', KEYS[1]))
local qty = tonumber(ARGV[4])
if not left then return {'NOT_FOUND'} end
if left < qty then return {'SOLD_OUT'} end
redis.call('DECRBY', KEYS[1], qty)
redis.call('SADD', KEYS[2], ARGV[3])
local id = redis.call('XADD', KEYS[3], '*', 'req', ARGV[2], 'buyer', ARGV[3], 'qty', qty)
return {'RESERVED', id, qty * tonumber(ARGV[1])}
";
/// `@LIMIT@` is replaced.
const SOME_EACH: &str = r"
local qty = tonumber(ARGV[4])
local has = tonumber(redis.call('HGET', KEYS[2], ARGV[3]) or 0)
if has + qty > @LIMIT@ then return {'LIMIT', @LIMIT@ - has} end
local left = tonumber(redis.call('GET', KEYS[1]))
if not left then return {'NOT_FOUND'} end
if left < qty then return {'SOLD_OUT'} end
redis.call('DECRBY', KEYS[1], qty)
redis.call('HINCRBY', KEYS[2], ARGV[3], qty)
local id = redis.call('XADD', KEYS[3], '*', 'req', ARGV[2], 'buyer', ARGV[3], 'qty', qty)
return {'RESERVED', id, qty * tonumber(ARGV[1])}
";

fn script(limit: u32) -> String {
    match limit {
        0 => UNLIMITED.to_owned(),
        1 => ONE_EACH.to_owned(),
        limit => SOME_EACH.replace("@LIMIT@", &limit.to_string()),
    }
}

/// The keys of a SKU share a hash tag, so that the script also runs on a cluster.
fn keys(sku: &str) -> [String; 3] {
    ["stock", "buyers", "orders"].map(|part| format!("{{{sku}}}:{part}"))
}

pub(super) async fn prepare(client: &mut Client, config: &RunConfig) -> Result<Templates, LoadError> {
    let load = command(["SCRIPT", "LOAD", &script(config.per_buyer_limit)]);
    let reply = client.call(&load).await?;
    let Some(sha) = reply.as_str().map(str::to_owned) else {
        return Err(unexpected(&load, &reply));
    };
    let price = UNIT_PRICE.to_string();
    let mut templates = Templates::default();
    let mut sets = Vec::new();
    for sku in 0..config.skus {
        let [stock, buyers, orders] = keys(&config.sku_name(sku));
        sets.push(command(["SET", &stock, &config.stock.to_string(), "NX"]));
        let reserve = [
            b"EVALSHA",
            sha.as_bytes(),
            b"3",
            stock.as_bytes(),
            buyers.as_bytes(),
            orders.as_bytes(),
            price.as_bytes(),
        ];
        templates.add(&reserve, &[b"GET", stock.as_bytes()]);
    }
    client
        .call_all(&sets, |position, reply| match reply {
            Value::Text(_) => Ok(()),
            Value::Null => Err(LoadError::Config(format!(
                "the key '{}' exists on the target; take a --prefix that was not used there before",
                String::from_utf8_lossy(&sets[position][1])
            ))),
            other => Err(unexpected(&sets[position], &other)),
        })
        .await?;
    Ok(templates)
}

pub(super) async fn verify(
    client: &mut Client,
    config: &RunConfig,
    ledger: &Ledger,
) -> Result<Verdict, LoadError> {
    let count_buyers = if config.per_buyer_limit > 1 { "HLEN" } else { "SCARD" };
    let mut asks = Vec::new();
    for account in ledger.accounts() {
        let [stock, buyers, orders] = keys(&account.sku);
        asks.extend([command(["GET", &stock]), command(["XLEN", &orders]), command([count_buyers, &buyers])]);
    }
    let mut counts = Vec::new();
    client
        .call_all(&asks, |position, reply| {
            let text = reply.as_str().and_then(|digits| digits.parse().ok());
            counts.push(text.or(reply.as_int()).ok_or_else(|| unexpected(&asks[position], &reply))?);
            Ok(())
        })
        .await?;
    let limit = config.per_buyer_limit.into();
    let findings = ledger
        .accounts()
        .iter()
        .zip(counts.chunks_exact(3))
        .flat_map(|(account, counts)| check(account, RedisCounts::from(counts), limit))
        .collect();
    Ok(Verdict::new(ledger, 0, findings))
}

/// What Redis holds of a SKU.
#[derive(Debug, Clone, Copy)]
struct RedisCounts {
    stock: i64,
    orders: i64,
    buyers: i64,
}

impl From<&[i64]> for RedisCounts {
    fn from(counts: &[i64]) -> Self {
        let at = |position: usize| counts.get(position).copied().unwrap_or(-1);
        Self { stock: at(0), orders: at(1), buyers: at(2) }
    }
}

fn check(account: &Account, counts: RedisCounts, limit: u64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |kind, text| findings.push(Finding { sku: account.sku.clone(), kind, text });
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let RedisCounts { stock, orders, buyers } = counts;
    let accepted = signed(account.accepted.orders);
    let most = accepted + signed(account.unknown_reserves.orders);
    if stock < 0 || account.accepted.units > account.stock {
        let units = account.accepted.units;
        found(
            FindingKind::Oversold,
            format!("{units} of {} units were promised, {stock} are left", account.stock),
        );
    }
    // One unit an order.
    if stock + orders != signed(account.stock) {
        let put = account.stock;
        found(
            FindingKind::Unbalanced,
            format!("{stock} units left + {orders} orders in the stream is not {put}"),
        );
    }
    if orders < accepted {
        found(FindingKind::LostOrder, format!("{accepted} orders were accepted, the stream has {orders}"));
    } else if orders > most {
        found(FindingKind::ExtraOrder, format!("at most {most} orders can exist, the stream has {orders}"));
    }
    let fewest_buyers = signed(account.buyers().unwrap_or(0));
    let most_buyers = fewest_buyers + signed(account.unknown_reserves.orders);
    if !(fewest_buyers..=most_buyers).contains(&buyers) {
        let text = format!("{fewest_buyers} buyers were accepted, {buyers} are recorded");
        found(FindingKind::Unbalanced, text);
    }
    if account.doubled.count > 0 {
        found(FindingKind::DoubledOrder, account.doubled.example.clone());
    }
    if account.wrong_amounts.count > 0 {
        found(FindingKind::WrongAmount, account.wrong_amounts.example.clone());
    }
    if let Some((buyer, units)) = account.most_held()
        && limit > 0
        && units > signed(limit)
    {
        found(FindingKind::LimitBroken, format!("buyer {buyer} holds {units} units, the limit is {limit}"));
    }
    findings
}
