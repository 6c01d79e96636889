//! Whether a signature holds, and for which bytes: twice, by means that share no code.
//!
//! First ours: SignedInfo is canonicalized from the guarded tree, its signature is verified, and from *those bytes* it is read what was
//! signed, how, and with which hash; then the element is canonicalized and hashed. Then samael's, which is libxml2's and xmlsec's: it sees
//! only what the first has found genuine, and only the certificate that verified it, because it gives up at the first key of another kind (a
//! provider that goes from RSA to ECDSA would be locked out). Both must name the same bytes, which are then all that is read.

use crypto::xml::Layout;
use domain::identity::saml::Check;
use roxmltree::{Document, Node, NodeId};
use samael::crypto::{AllowedSignatureAlgorithm, Crypto, CryptoProvider, ReduceMode};

use super::{
    canonical::canonical,
    certificates::Certificate,
    guard::Signature,
    names::{Judged, ensure, refuse},
    scan,
    signed_info::SignedInfo,
};

const ALLOWED: [AllowedSignatureAlgorithm; 6] = [
    AllowedSignatureAlgorithm::RsaSha256,
    AllowedSignatureAlgorithm::RsaSha384,
    AllowedSignatureAlgorithm::RsaSha512,
    AllowedSignatureAlgorithm::EcdsaSha256,
    AllowedSignatureAlgorithm::EcdsaSha384,
    AllowedSignatureAlgorithm::EcdsaSha512,
];

/// Bytes that were signed: an element of a response in canonical form, without its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) bytes: String,
    /// Whether they are the whole response's; else the assertion's.
    pub(super) is_response: bool,
    /// SHA-256 of the certificate, in hex.
    pub(super) certificate: String,
}

/// Every signature holds. Answers the widest bytes: the response's if that is signed.
pub(super) fn verify(
    xml: &str,
    document: &Document<'_>,
    signatures: &[Signature],
    certificates: &[Certificate],
) -> Judged<Verified> {
    let all = signatures.iter().map(|signature| own(document, signature, certificates)).collect::<Judged<Vec<_>>>()?;
    let widest = all.iter().find(|(verified, _)| verified.is_response).or(all.first());
    let Some((verified, _)) = widest else { return refuse(Check::Signed, "no signature") };
    let used: Vec<_> = all.iter().map(|(_, certificate)| certificate.der.clone()).collect();
    let second = Crypto::reduce_xml_to_signed_with_allowed_algorithms(xml, &used, ReduceMode::PreDigest, Some(&ALLOWED));
    match second {
        Ok(bytes) if bytes == verified.bytes => Ok(verified.clone()),
        _ => refuse(Check::Signature, "the two verifications disagree"),
    }
}

fn own<'c>(document: &Document<'_>, signature: &Signature, all: &'c [Certificate]) -> Judged<(Verified, &'c Certificate)> {
    let info = canonical(node(document, signature.info)?, None, &signature.says.canonicalization);
    // From here on what the document says of the signature is not used any more.
    let says = SignedInfo::read(scan::parse(&info)?.root_element())?;
    let is_signed_by = |certificate: &&Certificate| {
        says.method.verify(&certificate.spki, info.as_bytes(), &signature.value, Layout::Fixed).is_ok()
    };
    let Some(certificate) = all.iter().find(is_signed_by) else { return refuse(Check::Signature, "no certificate verifies it") };
    let target = node(document, signature.target)?;
    ensure(target.attribute("ID") == Some(says.id.as_str()), "Reference does not name the signature's own element")?;
    let bytes = canonical(target, Some(signature.node), &says.target);
    if says.digest.of(bytes.as_bytes()) != says.value {
        return refuse(Check::Signature, "changed after it was signed");
    }
    let verified = Verified { bytes, is_response: signature.is_on_response, certificate: certificate.sha256.clone() };
    Ok((verified, certificate))
}

fn node<'a, 'i>(document: &'a Document<'i>, id: NodeId) -> Judged<Node<'a, 'i>> {
    match document.get_node(id) {
        Some(node) => Ok(node),
        None => refuse(Check::Document, "no such element"),
    }
}
