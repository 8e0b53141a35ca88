//! What webhooks are signed with, as Standard Webhooks says: <https://www.standardwebhooks.com>.

use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// What a secret begins with.
const PREFIX: &str = "whsec_";

/// How long a secret may be, in bytes.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// How many secrets there may be at once: the old and the new, while they are changed.
const MOST: usize = 3;

/// The secrets of one endpoint. They are shown nowhere.
pub(super) struct Secrets(Vec<Hmac<Sha256>>);

impl Secrets {
    /// Reads a file with one secret a line.
    ///
    /// # Errors
    /// It can't be read, or holds something else. What it holds is not repeated.
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        Self::parse(&text).with_context(|| file.display().to_string())
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let secrets = lines.map(secret).collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(!secrets.is_empty(), "holds no secret");
        ensure!(secrets.len() <= MOST, "holds more than {MOST} secrets");
        Ok(Self(secrets))
    }

    /// The value of `webhook-signature`: one signature for each secret.
    pub(super) fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let signature = |secret: &Hmac<Sha256>| {
            let mut mac = secret.clone();
            mac.update(format!("{id}.{timestamp}.").as_bytes());
            mac.update(body);
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        };
        self.0.iter().map(signature).collect::<Vec<_>>().join(" ")
    }
}

fn secret(line: &str) -> anyhow::Result<Hmac<Sha256>> {
    let wrong = || anyhow!("holds no secret: whsec_ and 24 to 64 bytes in base64, one a line");
    let bytes = line.strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok()).ok_or_else(wrong)?;
    ensure!(BYTES.contains(&bytes.len()), wrong());
    Hmac::new_from_slice(&bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's reference libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_example_of_the_standard_is_signed_as_it_says() {
        let secrets = Secrets::parse(SECRET).unwrap();
        let signed = secrets.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn while_a_secret_is_changed_both_sign() {
        let both = Secrets::parse(&format!("{SECRET}\nwhsec_{}\n", STANDARD.encode([7; 32]))).unwrap();
        let signed = both.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert!(signed.starts_with("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,"), "{signed}");
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_repeated() {
        for wrong in ["", "hunter2", "whsec_hunter2", "whsec_aHVudGVyMg=="] {
            let reason = format!("{:#}", Secrets::parse(wrong).err().unwrap());
            assert!(reason.contains("holds no secret") && !reason.contains("hunter2"), "{reason}");
        }
    }
}
