//! Old names of [`crate::private`]'s temporary directories.

pub(super) use crate::private::{TempDir as PrivateFolder, is_locked as is_held, temp_dirs as all};
