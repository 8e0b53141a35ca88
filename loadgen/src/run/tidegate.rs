//! Setting up and verifying a Tidegate.

use tidegate_protocol::resp::Value;

use super::config::{CURRENCY, RunConfig, UNIT_PRICE};
use super::orders::OwnOrder;
use super::templates::{Templates, buyer_id};
use crate::client::{Client, Command, command, has_status, unexpected};
use crate::error::LoadError;
use crate::ledger::{Finding, FindingKind, Ledger, Report, Verdict, check};

/// Holds last this much longer than the load, so that nothing expires under the ledger.
const HOLD_MARGIN_S: u64 = 3_600;

/// A SKU to be put.
pub(crate) struct NewSku<'a> {
    pub(crate) name: &'a str,
    pub(crate) title: &'a str,
    pub(crate) stock: u64,
    pub(crate) currency: &'a str,
    pub(crate) price: u64,
    pub(crate) hold_s: u64,
    /// 0 for none.
    pub(crate) per_buyer_limit: u32,
}

impl NewSku<'_> {
    pub(crate) fn put(&self) -> Command {
        let mut document = serde_json::json!({
            "title": self.title,
            "stock": self.stock,
            "currency": self.currency,
            "price": {"fixed": self.price},
            "hold_s": self.hold_s,
        });
        if self.per_buyer_limit > 0 {
            document["per_buyer_limit"] = self.per_buyer_limit.into();
        }
        command(["SKU.PUT", self.name, &document.to_string()])
    }
}

/// Puts SKUs that must not exist yet: on an old one the ledger and the server could never agree.
pub(crate) async fn put_all(client: &mut Client, puts: &[Command]) -> Result<(), LoadError> {
    client
        .call_all(puts, |position, reply| {
            if has_status(&reply, "CREATED") {
                return Ok(());
            }
            if has_status(&reply, "UNCHANGED") || has_status(&reply, "UPDATED") {
                let name = String::from_utf8_lossy(&puts[position][1]).into_owned();
                return Err(LoadError::Config(format!(
                    "the SKU '{name}' exists on the target; take a --prefix that was not used there before"
                )));
            }
            Err(unexpected(&puts[position], &reply))
        })
        .await
}

pub(super) async fn prepare(client: &mut Client, config: &RunConfig) -> Result<Templates, LoadError> {
    let mut templates = Templates::default();
    let mut puts = Vec::new();
    for sku in 0..config.skus {
        let name = config.sku_name(sku);
        let new = NewSku {
            name: &name,
            title: "Load test",
            stock: config.stock,
            currency: CURRENCY,
            price: UNIT_PRICE,
            hold_s: (config.warmup + config.duration).as_secs() + HOLD_MARGIN_S,
            per_buyer_limit: config.per_buyer_limit,
        };
        puts.push(new.put());
        templates.add(&[b"ORDER.RESERVE", name.as_bytes()], &[b"SKU.GET", name.as_bytes()]);
    }
    put_all(client, &puts).await?;
    Ok(templates)
}

/// Compares every account with `REPORT`.
pub(crate) async fn compare_reports(
    client: &mut Client,
    ledger: &Ledger,
    limit: u64,
    mut on_report: impl FnMut(usize, &Report, bool),
) -> Result<Vec<Finding>, LoadError> {
    let asks: Vec<_> = ledger.accounts().iter().map(|account| command(["REPORT", &account.sku])).collect();
    let mut findings = Vec::new();
    client
        .call_all(&asks, |position, reply| {
            let account = &ledger.accounts()[position];
            match Report::from_value(&reply) {
                Ok(report) => {
                    let found = check(account, &report, limit);
                    on_report(position, &report, found.is_empty());
                    findings.extend(found);
                }
                Err(reason) => {
                    let text = unexpected(&asks[position], &reply);
                    findings.push(Finding {
                        sku: account.sku.clone(),
                        kind: FindingKind::NoReport,
                        text: format!("{reason}; {text}"),
                    });
                }
            }
            Ok(())
        })
        .await?;
    Ok(findings)
}

/// An order as it must read.
pub(crate) struct ExpectedOrder<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) sku: &'a str,
    pub(crate) buyer: &'a [u8],
    pub(crate) qty: u64,
    pub(crate) amount: u64,
    /// Where no answer about it was lost.
    pub(crate) state: Option<&'a str>,
}

/// Reads orders back one by one.
pub(crate) async fn read_back(
    client: &mut Client,
    orders: &[ExpectedOrder<'_>],
) -> Result<Vec<Finding>, LoadError> {
    let asks: Vec<_> = orders.iter().map(|order| vec![b"ORDER.GET".to_vec(), order.id.to_vec()]).collect();
    let mut findings = Vec::new();
    client
        .call_all(&asks, |position, reply| {
            let order = &orders[position];
            if let Some(text) = differs(order, &reply) {
                let kind =
                    if reply == Value::Null { FindingKind::LostOrder } else { FindingKind::WrongOrder };
                findings.push(Finding { sku: order.sku.to_owned(), kind, text });
            }
            Ok(())
        })
        .await?;
    Ok(findings)
}

/// What is wrong with an order that was read back, in words.
fn differs(order: &ExpectedOrder<'_>, reply: &Value) -> Option<String> {
    let id = String::from_utf8_lossy(order.id);
    if *reply == Value::Null {
        return Some(format!("the accepted order {id} does not exist"));
    }
    let text = |field: &str| match reply.get(field) {
        Some(Value::Text(bytes)) => bytes.clone(),
        Some(Value::Integer(number)) => number.to_string().into_bytes(),
        _ => Vec::new(),
    };
    let expected = [
        ("order", order.id.to_vec()),
        ("sku", order.sku.as_bytes().to_vec()),
        ("buyer", order.buyer.to_vec()),
        ("qty", order.qty.to_string().into_bytes()),
        ("amount", order.amount.to_string().into_bytes()),
    ];
    let state = order.state.map(|state| ("state", state.as_bytes().to_vec()));
    expected.into_iter().chain(state).find_map(|(field, expected)| {
        let found = text(field);
        (found != expected).then(|| {
            let (found, expected) = (String::from_utf8_lossy(&found), String::from_utf8_lossy(&expected));
            format!("order {id}: {field} reads '{found}' instead of '{expected}'")
        })
    })
}

pub(super) async fn verify(
    client: &mut Client,
    config: &RunConfig,
    ledger: &Ledger,
    sample: &[OwnOrder],
) -> Result<Verdict, LoadError> {
    let mut findings = compare_reports(client, ledger, config.per_buyer_limit.into(), |_, _, _| {}).await?;
    let buyers: Vec<_> = sample.iter().map(|order| buyer_id(order.buyer)).collect();
    let expected: Vec<_> = sample
        .iter()
        .zip(&buyers)
        .map(|(order, buyer)| ExpectedOrder {
            id: order.id(),
            sku: &ledger.accounts()[order.sku as usize].sku,
            buyer,
            qty: 1,
            amount: order.amount,
            state: None,
        })
        .collect();
    findings.extend(read_back(client, &expected).await?);
    Ok(Verdict::new(ledger, expected.len() as u64, findings))
}
