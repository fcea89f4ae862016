export async function checkHouse() {
  return [];
}
