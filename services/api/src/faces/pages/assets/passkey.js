'use strict';
/* Asks the device for a passkey, or to make one, and sends its answer with the form. */
const form = document.querySelector('form[data-passkey]');
const failed = document.querySelector('[data-failed]');
let asking;

async function answer(signal) {
  const { publicKey } = JSON.parse(form.dataset.options);
  if (form.dataset.passkey === 'create') {
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey), signal });
  }
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey), signal });
}

function ask() {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  failed.hidden = true;
  answer(signal).then((credential) => {
    form.elements.credential.value = JSON.stringify(credential);
    form.submit();
  }).catch(() => {
    failed.hidden = signal.aborted;
  });
}

form?.addEventListener('submit', (event) => {
  event.preventDefault();
  ask();
});
if (form?.dataset.passkey === 'get') ask();
