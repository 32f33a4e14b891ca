//! Webhooks in the commented file.

use std::fmt::{self, Write as _};

use super::{
    super::{
        Config,
        commented::{list, text},
    },
    WebhookConfig,
};

impl WebhookConfig {
    fn write_commented(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "[[webhooks]]\nname = {}\nurl = {}\nsystem = {}\nsecret_file = {}\nca_file = {}",
            text(&self.name),
            text(&self.url),
            text(&self.system),
            text(&self.secret_file.to_string_lossy()),
            text(&self.ca_file.to_string_lossy()),
        )?;
        if !self.purpose.is_empty() {
            writeln!(
                out,
                "purpose = {}\ncase = {}",
                text(&self.purpose),
                text(&self.case)
            )?;
        }
        writeln!(out, "from = {}", text(&self.from))?;
        for (field, values) in [
            ("kinds", &self.kinds),
            ("origins", &self.origins),
            ("countries", &self.countries),
            ("urgencies", &self.urgencies),
            ("codes", &self.codes),
        ] {
            if !values.is_empty() {
                writeln!(out, "{field} = {}", list(values.iter()))?;
            }
        }
        if let Some(exercise) = self.exercise {
            writeln!(out, "exercise = {exercise}")?;
        }
        writeln!(
            out,
            "steps = {}\nbatch = {}\ntimeout_ms = {}\nallow_private_addresses = {}\nallow_addresses = {}\n",
            self.steps,
            self.batch,
            self.timeout_ms,
            self.allow_private_addresses,
            list(self.allow_addresses.iter().map(ToString::to_string)),
        )
    }
}

impl Config {
    pub(in crate::config) fn write_webhooks(&self, out: &mut String) -> fmt::Result {
        if self.webhooks.is_empty() {
            return writeln!(
                out,
                "# A system that cannot follow a subscription: what it may read is sent to it, signed.\n\
                 # [[webhooks]]\n\
                 # name = \"case-system\"\n\
                 # url = \"https://cases.example/comity\"  # https alone; a redirect is never followed\n\
                 # system = \"case-1\"                    # whose certificate says what it may be sent\n\
                 # secret_file = \"keys/webhook-case\"    # mode 0600: whsec_ and base64; two while rotating\n\
                 # ca_file = \"certs/receiver-ca.pem\"    # who vouches for the receiver\n\
                 # purpose = \"investigation\"            # without one, situations alone are sent\n\
                 # case = \"26/114\"\n\
                 # from = \"now\"                         # or \"beginning\", at its first start\n\
                 # kinds = [\"Route\", \"Alert\"]           # and origins, countries, urgencies, codes; all: empty\n\
                 # exercise = false                     # exercises alone: true; both: left out\n\
                 # steps = false\n\
                 # batch = 50\n\
                 # timeout_ms = 15000\n\
                 # allow_private_addresses = false      # a receiver on this machine or in a private network\n\
                 # allow_addresses = []\n"
            );
        }
        self.webhooks
            .iter()
            .try_for_each(|webhook| webhook.write_commented(out))
    }
}
