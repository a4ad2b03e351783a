<?php
namespace A;
#[Route('/orders/{id<\d+>}', methods: ['GET'])]
class O {
  const URL = 'http://stock:8080';
  /** @Route("/a", methods={"POST"}) */
  public function a($id) {
    foreach ($x as $y) { $c = curl_init(self::URL . "/items/{$id}"); }
    curl_setopt($c, CURLOPT_TIMEOUT, 2);
    $p = new PDO(getenv('DSN') ?: 'mysql:host=db;dbname=o');
  }
}
Route::get('/b', [O::class, 'a']);
