//! A change is committed by the one write path, with its event.
// error[E0624]: private

use store::{Change, WriteTx};

pub async fn commits(tx: WriteTx, change: Change<()>) -> domain::Result<()> {
    tx.commit(change).await
}
