//! A signing key that a token keeps (PKCS #11, OASIS v3.0: `CKM_EDDSA` over edwards25519). The private
//! key is made in the token and never leaves it.

use std::{
    env, fmt,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    mechanism::{
        Mechanism,
        eddsa::{EddsaParams, EddsaSignatureScheme},
    },
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    types::AuthPin,
};

use super::{Home, HomeError, KeyFiles};
use crate::{
    config::SignerConfig,
    crypto::{PublicKey, Signature, Signer, SigningFault, random_bytes},
};

/// The systemd credential with the PIN.
const PIN_CREDENTIAL: &str = "comity-pin";
/// What a new key is asked to sign, to know that it does.
const PROBE: &[u8] = b"comity/v1/probe of a token\0";
/// Names of the curve: as PKCS #11 v3.0 has it (`curveName`), and its OID of RFC 8410.
const CURVES: [&[u8]; 2] = [b"\x13\x0cedwards25519", &[0x06, 0x03, 0x2b, 0x65, 0x70]];

/// How long a token that failed is left alone before it is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// A signing key in a token.
pub struct TokenKey {
    place: Place,
    public: PublicKey,
    state: Mutex<State>,
}

/// How the token was found last.
#[derive(Default)]
struct State {
    /// `None` while the token is out of reach.
    session: Option<(Session, ObjectHandle)>,
    /// When it failed last, and how.
    failed: Option<(Instant, String)>,
    /// Whether it refused the PIN: a token locks itself after a few wrong ones, so none is tried
    /// again before the next start.
    pin_refused: bool,
}

impl State {
    fn opened(session: Session, key: ObjectHandle) -> Mutex<Self> {
        Mutex::new(Self {
            session: Some((session, key)),
            ..Self::default()
        })
    }
}

/// Where a token and its PIN are.
#[derive(Clone, Debug)]
struct Place {
    config: SignerConfig,
    pin: PathBuf,
    keys: KeyFiles,
    library: Pkcs11,
}

impl Place {
    fn of(home: &Home) -> Result<Self, HomeError> {
        let config = home.config().keys.signer.clone();
        let config = config.ok_or(HomeError::NoSigner)?;
        let pin = match &config.pin_file {
            Some(file) => home.dir().join(file),
            None => env::var_os("CREDENTIALS_DIRECTORY")
                .map(|dir| PathBuf::from(dir).join(PIN_CREDENTIAL))
                .ok_or(HomeError::NoPin)?,
        };
        let library =
            Pkcs11::new(&config.module).map_err(|error| HomeError::Token(said(&error)))?;
        let place = Self {
            config,
            pin,
            keys: home.key_files().clone(),
            library,
        };
        place.initialize()?;
        Ok(place)
    }

    fn initialize(&self) -> Result<(), HomeError> {
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        match self.library.initialize(arguments) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
            Err(error) => Err(HomeError::Token(said(&error))),
        }
    }

    /// Has the library look for its tokens anew: some do so only then.
    fn begin_again(&self) -> Result<(), HomeError> {
        // What it says of its end does not matter: its beginning does.
        let _ = self.library.clone().finalize();
        self.initialize()
    }

    /// A session in which the user is logged in.
    fn open(&self, writing: bool) -> Result<Session, HomeError> {
        let failed = |error: Error| HomeError::Token(said(&error));
        let wanted = &self.config.token;
        let mut slots = Vec::new();
        for slot in self.library.get_slots_with_token().map_err(failed)? {
            // Another token's failure is not this one's.
            if let Ok(info) = self.library.get_token_info(slot)
                && info.label() == wanted
            {
                slots.push(slot);
            }
        }
        let slot = match slots.as_slice() {
            [slot] => *slot,
            [] => return Err(HomeError::Token(format!("no token is labelled `{wanted}`"))),
            _ => {
                let why = format!("{} tokens are labelled `{wanted}`", slots.len());
                return Err(HomeError::Token(why));
            }
        };
        let session = if writing {
            self.library.open_rw_session(slot)
        } else {
            self.library.open_ro_session(slot)
        }
        .map_err(failed)?;
        let pin = self.keys.read_secret(&self.pin)?;
        let pin = std::str::from_utf8(&pin)
            .map_err(|_| HomeError::Token("the PIN is no text".to_owned()))?;
        let pin: AuthPin = pin.trim_end_matches(['\r', '\n']).into();
        match session.login(UserType::User, Some(&pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(
                error @ Error::Pkcs11(
                    RvError::PinIncorrect
                    | RvError::PinInvalid
                    | RvError::PinLenRange
                    | RvError::PinExpired
                    | RvError::PinLocked,
                    _,
                ),
            ) => Err(HomeError::Pin(said(&error))),
            Err(error) => Err(failed(error)),
        }
    }

    /// The private key of a public one.
    fn find(&self, session: &Session, public: &PublicKey) -> Result<ObjectHandle, HomeError> {
        let failed = |error: Error| HomeError::Token(said(&error));
        let label = Attribute::Label(self.config.label.clone().into_bytes());
        let of = |class| {
            [
                Attribute::Class(class),
                Attribute::KeyType(KeyType::EC_EDWARDS),
                label.clone(),
            ]
        };
        for held in session
            .find_objects(&of(ObjectClass::PUBLIC_KEY))
            .map_err(failed)?
        {
            if public_of(session, held)? != Some(*public) {
                continue;
            }
            let id = session
                .get_attributes(held, &[AttributeType::Id])
                .map_err(failed)?;
            let template: Vec<Attribute> =
                of(ObjectClass::PRIVATE_KEY).into_iter().chain(id).collect();
            let private = session.find_objects(&template).map_err(failed)?;
            if let [key] = private.as_slice() {
                return Ok(*key);
            }
        }
        Err(HomeError::Token(format!(
            "no key labelled `{}` in it is the signing key that the card names",
            self.config.label
        )))
    }
}

impl TokenKey {
    /// Opens the key of the home's configuration whose public key this is, and has it sign once, to
    /// know that it does.
    ///
    /// # Errors
    /// [`HomeError::NoSigner`], [`HomeError::NoPin`], [`HomeError::Token`] in the token's words.
    pub fn open(home: &Home, public: PublicKey) -> Result<Self, HomeError> {
        let place = Place::of(home)?;
        let session = place.open(false)?;
        let key = place.find(&session, &public)?;
        let opened = Self {
            place,
            public,
            state: State::opened(session, key),
        };
        opened.probe()?;
        Ok(opened)
    }

    /// Makes a key in the token of the home's configuration, which cannot leave it.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn generate(home: &Home) -> Result<Self, HomeError> {
        let place = Place::of(home)?;
        let session = place.open(true)?;
        let label = Attribute::Label(place.config.label.clone().into_bytes());
        let id = Attribute::Id(random_bytes::<16>()?.to_vec());
        let mut made = Err(HomeError::Token("it knows no edwards25519".to_owned()));
        for curve in CURVES {
            let public = [
                Attribute::Token(true),
                Attribute::Private(false),
                Attribute::Verify(true),
                Attribute::EcParams(curve.to_vec()),
                label.clone(),
                id.clone(),
            ];
            let private = [
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Sign(true),
                label.clone(),
                id.clone(),
            ];
            match session.generate_key_pair(&Mechanism::EccEdwardsKeyPairGen, &public, &private) {
                Ok(pair) => {
                    made = Ok(pair);
                    break;
                }
                Err(error) => made = Err(HomeError::Token(said(&error))),
            }
        }
        let (public, key) = made?;
        let public = public_of(&session, public)?
            .ok_or_else(|| HomeError::Token("its new public key cannot be read".to_owned()))?;
        let opened = Self {
            place,
            public,
            state: State::opened(session, key),
        };
        opened.probe()?;
        Ok(opened)
    }

    /// The public key.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    fn probe(&self) -> Result<(), HomeError> {
        let signature =
            Signer::sign_text(self, PROBE).map_err(|SigningFault(why)| HomeError::Token(why))?;
        self.public
            .verify_text(PROBE, &signature)
            .map_err(|_| HomeError::Token("its signature does not hold under its key".to_owned()))
    }

    fn open_again(&self) -> Result<(Session, ObjectHandle), HomeError> {
        let session = self.place.open(false)?;
        let key = self.place.find(&session, &self.public)?;
        Ok((session, key))
    }

    /// Signs in a new session, where the token is there again.
    fn sign_anew(&self, state: &mut State, message: &[u8]) -> Result<Signature, HomeError> {
        state.session = None;
        let opened = match self.open_again() {
            Err(HomeError::Pin(why)) => return Err(HomeError::Pin(why)),
            Err(_) => {
                self.place.begin_again()?;
                self.open_again()?
            }
            Ok(opened) => opened,
        };
        let signature = sign_in(&opened, message)?;
        state.session = Some(opened);
        Ok(signature)
    }
}

fn sign_in(
    (session, key): &(Session, ObjectHandle),
    message: &[u8],
) -> Result<Signature, HomeError> {
    let mechanism = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Ed25519));
    let signature = session
        .sign(&mechanism, *key, message)
        .map_err(|error| HomeError::Token(said(&error)))?;
    <Signature>::try_from(signature.as_slice())
        .map_err(|_| HomeError::Token("its signature is not 64 bytes".to_owned()))
}

impl Signer for TokenKey {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs in the session at hand; after a failure in a new one: a token that was taken out and put
    /// back goes on without a restart.
    fn sign_text(&self, message: &[u8]) -> Result<Signature, SigningFault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = &state.session
            && let Ok(signature) = sign_in(opened, message)
        {
            return Ok(signature);
        }
        if let Some((at, why)) = &state.failed
            && (state.pin_refused || at.elapsed() < PAUSE)
        {
            return Err(SigningFault(why.clone()));
        }
        match self.sign_anew(&mut state, message) {
            Ok(signature) => {
                tracing::info!("the signing key's token serves again");
                state.failed = None;
                Ok(signature)
            }
            Err(error) => {
                let why = error.to_string();
                tracing::error!(%error, "the signing key's token does not serve");
                state.pin_refused = matches!(error, HomeError::Pin(_));
                state.failed = Some((Instant::now(), why.clone()));
                Err(SigningFault(why))
            }
        }
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({})", hex::encode(self.public.id()))
    }
}

/// The public key of an object; `None` when it is none.
fn public_of(session: &Session, object: ObjectHandle) -> Result<Option<PublicKey>, HomeError> {
    let attributes = session
        .get_attributes(object, &[AttributeType::EcPoint])
        .map_err(|error| HomeError::Token(said(&error)))?;
    Ok(attributes.iter().find_map(|attribute| match attribute {
        // A DER octet string, or in some tokens the bytes alone.
        Attribute::EcPoint(point) => {
            let point = point.strip_prefix(&[0x04, 0x20]).unwrap_or(point);
            PublicKey::parse(point).ok()
        }
        _ => None,
    }))
}

/// A token's error in its words, without control characters.
fn said(error: &Error) -> String {
    error
        .to_string()
        .chars()
        .take(300)
        .flat_map(char::escape_debug)
        .collect()
}
