// What the device keeps, in IndexedDB: the bundle, the keeper's key, and by how much its clock was ahead when the server last said.

function database() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open("offline", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("kept");
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function within(mode, work) {
  const opened = await database();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = opened.transaction("kept", mode);
      const asked = work(transaction.objectStore("kept"));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    opened.close();
  }
}

export const kept = (name) => within("readonly", (held) => held.get(name));
export const keep = (name, value) => within("readwrite", (held) => held.put(value, name));

// Keep a value unless `refused(value, what is kept)`, in one transaction, since another window may do the same; return what was kept before.
export const keepUnless = (refused, name, value) => within("readwrite", (held) => {
  const asked = held.get(name);
  asked.onsuccess = () => {
    if (!refused(value, asked.result)) held.put(value, name);
  };
  return asked;
});
