//! Documents of SKUs and campaigns: taken one after the other, so that each is judged beside all those before it.

use std::sync::Arc;

use tidegate_engine::{CampaignCommand, CampaignTerms, Command, SkuTerms};
use tokio::sync::oneshot;

use crate::ask::{Ask, Body, Fault, Outcome, Reply, heard};
use crate::directory::CreateError;
use crate::enrolments::{EnrolmentError, enrolment_of};
use crate::house::House;
use crate::seat::Seat;

/// A document that is put.
#[derive(Debug)]
pub enum Document {
    /// A SKU's.
    Sku {
        /// What it says but for the stock.
        terms: Arc<SkuTerms>,
        /// Units of a new SKU.
        stock: u32,
    },
    /// A campaign's.
    Campaign(Arc<CampaignTerms>),
}

/// Why a document is not there, or not for certain.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// It does not fit those that are there.
    #[error(transparent)]
    Unfit(#[from] EnrolmentError),
    /// There is no room for another.
    #[error(transparent)]
    NotCreated(#[from] CreateError),
    /// Its actor can't be asked, or a SKU that is concerned can't be told.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A document that was taken and is on its way to the disk.
struct Taken {
    reply: Reply,
    /// Comes when it is durable.
    durable: oneshot::Receiver<Outcome>,
}

impl House {
    /// Puts documents, in order, each with its name. Each is answered when it is durable and every SKU concerned knows its
    /// part in its campaign: a new SKU knows it from its first moment on.
    ///
    /// Must be called on a thread of an actix arbiter.
    pub async fn put(&self, documents: Vec<(Box<str>, Document)>) -> Vec<Result<Reply, PutError>> {
        let mut taken = Vec::with_capacity(documents.len());
        {
            // What one document is judged by must not change before it is there itself. The disk is waited for outside.
            let _one_at_a_time = self.documents().lock().await;
            for (name, document) in documents {
                taken.push(match document {
                    Document::Sku { terms, stock } => self.take_sku(&name, terms, stock).await,
                    Document::Campaign(terms) => self.take_campaign(&name, terms).await,
                });
            }
        }
        let mut put = Vec::with_capacity(taken.len());
        for taken in taken {
            put.push(match taken {
                Ok(Taken { reply, durable }) => heard(durable).await.map(|_| reply).map_err(Into::into),
                Err(error) => Err(error),
            });
        }
        put
    }

    async fn take_sku(&self, name: &str, terms: Arc<SkuTerms>, stock: u32) -> Result<Taken, PutError> {
        self.check_sku(name, &terms)?;
        let campaigns = self.campaigns();
        let enrolment = enrolment_of(&campaigns, name, terms.campaign.as_deref()).map(Arc::new);
        let seat = self.find_or_create(name)?;
        let mut body = Body::default();
        let (is_new, old_part) = match &*seat.shown().view() {
            Some(view) => (false, view.enrolment.clone()),
            None => (true, None),
        };
        body.push_command(&Command::Put { terms, stock });
        let tell = |body: &mut Body| body.push_command(&Command::Enrol { enrolment: enrolment.clone() });
        if is_new && enrolment.is_some() {
            // Nobody can buy it in between. If it is refused, there is no SKU to be told anything.
            tell(&mut body);
        }
        let reply = ask(&seat, body).await?;
        if !is_new && matches!(reply, Reply::Accepted(_)) && old_part != enrolment {
            let mut body = Body::default();
            tell(&mut body);
            ask(&seat, body).await?;
        }
        Ok(Taken { reply, durable: durable(&seat)? })
    }

    async fn take_campaign(&self, name: &str, terms: Arc<CampaignTerms>) -> Result<Taken, PutError> {
        self.check_campaign(name, &terms)?;
        let seat = self.find_or_create_campaign(name)?;
        let mut body = Body::default();
        body.push_campaign(&CampaignCommand::Put { terms });
        let reply = ask(&seat, body).await?;
        if matches!(reply, Reply::Accepted(_)) {
            self.enrol().await?;
        }
        Ok(Taken { reply, durable: durable(&seat)? })
    }
}

/// Has the turn done; does not wait for the disk.
async fn ask(seat: &Arc<Seat>, body: Body) -> Result<Reply, Fault> {
    let replies = seat.ask_as(body, true).await?;
    replies.into_iter().next().ok_or(Fault::Panicked)
}

/// Comes when all that this actor did is durable.
fn durable(seat: &Arc<Seat>) -> Result<oneshot::Receiver<Outcome>, Fault> {
    let mut body = Body::default();
    body.push(Ask::View);
    seat.send(body).map_err(|(_, fault)| fault)
}
