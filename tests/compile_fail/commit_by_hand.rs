//! A change is committed by the one write path, with its event.
// error[E0624]: private

use store::WriteTx;

pub async fn commits(tx: WriteTx) -> domain::Result<()> {
    tx.finish(true).await
}
