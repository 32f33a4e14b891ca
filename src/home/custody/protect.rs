//! Putting the keys under a passphrase, and into the clear again.

use std::{
    fs,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{
    super::{Home, HomeError, HomeLock, files, root},
    GONE, KeyFiles, SEALED, State, destroy, with_ending,
};
use crate::crypto::{PROTECTION_KEY_BYTES, fill_random};

impl KeyFiles {
    /// An erasure that a crash cut short has two file keys; which of them counts the store decides.
    fn check_erasure(&self) -> Result<(), HomeError> {
        let next = with_ending(&self.place(&self.file_key), ".next");
        if next.exists() {
            return Err(HomeError::ErasureUnfinished(next));
        }
        Ok(())
    }

    fn protect(&mut self, passphrase: &str, work: Option<u8>) -> Result<(), HomeError> {
        root::check_passphrase(passphrase)?;
        self.check_erasure()?;
        // What an attempt before left is sealed under a key that nobody has.
        self.tidy()?;
        let mut key = Zeroizing::new([0; PROTECTION_KEY_BYTES]);
        fill_random(&mut *key)?;
        let paths = self.paths()?;
        let sealed = Self {
            state: State::Open(self.seal_of(&key)?),
            ..self.clone()
        };
        for path in &paths {
            let plain = self.read(path)?;
            sealed.replace(path, &plain)?;
            if sealed.read(path)? != plain {
                return Err(HomeError::Key(sealed.place(path)));
            }
            of_the_same_time(&self.place(path), &sealed.place(path));
        }
        let locked = root::lock(&*key, passphrase, work)?;
        files::replace(&self.protection, &locked)?;
        *self = sealed;
        Ok(())
    }

    fn unprotect(&mut self) -> Result<(), HomeError> {
        self.check_erasure()?;
        let plain = Self {
            state: State::Plain,
            ..self.clone()
        };
        for path in self.paths()? {
            plain.replace(&path, &self.read(&path)?)?;
            of_the_same_time(&self.place(&path), &plain.place(&path));
        }
        // At once, since it decides; what it held is destroyed under another name.
        let gone = with_ending(&self.protection, GONE);
        fs::rename(&self.protection, &gone).map_err(files::io(&gone, "created"))?;
        files::sync_dir(&self.dir)?;
        *self = plain;
        destroy(&gone)
    }

    /// Destroys files that are not read any more: plain keys beside their sealed form, or sealed
    /// ones without what opens them. Answers how many.
    fn tidy(&self) -> Result<usize, HomeError> {
        let mut gone = 0;
        if self.is_open() {
            for name in self.names()?.iter().filter(|name| name.ends_with(GONE)) {
                self.destroy(&self.dir.join(name))?;
                gone += 1;
            }
        }
        let stale: Vec<PathBuf> = match &self.state {
            State::Locked => return Ok(0),
            State::Plain => {
                let names = self.files()?.into_iter();
                let names = names.filter(|name| name.ends_with(SEALED));
                let file_key = with_ending(&self.file_key, SEALED);
                let mut stale: Vec<_> = names.map(|name| self.dir.join(name)).collect();
                stale.push(file_key);
                stale
            }
            // Only what its sealed form repeats: a key that somebody just put here is not ours to
            // destroy.
            State::Open(_) => self
                .paths()?
                .into_iter()
                .filter(|path| path.exists() && self.read(path).is_ok())
                .collect(),
        };
        for path in stale {
            if path.exists() {
                destroy(&path)?;
                gone += 1;
            }
        }
        Ok(gone)
    }
}

impl Home {
    /// How the keys lie in this home.
    pub const fn key_files(&self) -> &KeyFiles {
        &self.key_files
    }

    /// Puts every key of the node under a passphrase and destroys what lay in the clear. Keys of
    /// clients in `certs/` and the roots are not among them. `work` is scrypt work as a power of two;
    /// about a second's otherwise.
    ///
    /// # Errors
    /// [`HomeError`]; the keys lie as before then, or as after when only destroying failed.
    pub fn protect_keys(
        &mut self,
        passphrase: &str,
        work: Option<u8>,
        lock: &HomeLock,
    ) -> Result<(), HomeError> {
        if !self.key_files.is_protected() {
            self.key_files.protect(passphrase, work)?;
        }
        self.tidy_keys(lock).map(drop)
    }

    /// Puts every key of the node into the clear again.
    ///
    /// # Errors
    /// [`HomeError::Protected`] while the passphrase was not given; as [`Self::protect_keys`].
    pub fn unprotect_keys(&mut self, lock: &HomeLock) -> Result<(), HomeError> {
        if self.key_files.is_protected() {
            self.key_files.unprotect()?;
        }
        self.tidy_keys(lock).map(drop)
    }

    /// Changes the passphrase; the key files stay as they are. A crash leaves the old passphrase or
    /// the new one.
    ///
    /// # Errors
    /// [`HomeError::NotProtected`], [`HomeError::WrongPassphrase`], [`HomeError::WeakPassphrase`].
    pub fn change_passphrase(
        &self,
        old: &str,
        new: &str,
        work: Option<u8>,
    ) -> Result<(), HomeError> {
        let keys = &self.key_files;
        if !keys.is_protected() {
            return Err(HomeError::NotProtected(keys.dir.clone()));
        }
        root::check_passphrase(new)?;
        let key = keys.protection_key(old)?;
        files::replace(&keys.protection, &root::lock(&*key, new, work)?)
    }

    /// Destroys key files that a crash left and nobody reads. Answers how many.
    ///
    /// # Errors
    /// [`HomeError::Io`].
    pub fn tidy_keys(&self, _lock: &HomeLock) -> Result<usize, HomeError> {
        self.key_files.tidy()
    }
}

/// A key is as old as it was: what its file's time is told by. Best effort.
fn of_the_same_time(from: &Path, to: &Path) {
    let copied = fs::metadata(from).and_then(|old| {
        let file = fs::File::options().write(true).open(to)?;
        file.set_modified(old.modified()?)
    });
    if let Err(error) = copied {
        tracing::debug!(path = %to.display(), %error, "the key's age is not kept");
    }
}
