package a;
@RestController
@RequestMapping("/orders")
class Orders {
  private static final String URL = "http://stock:8080";
  @Value("${stock.url:http://stock}") String u;
  RestTemplate rest = new RestTemplate();
  @GetMapping({"/{id}", "/x"})
  String get(@PathVariable String id) {
    for (String s : list) { rest.getForObject(URL + "/items/" + id, String.class); }
    rabbitTemplate.convertAndSend("orders", "order.made", x);
    return System.getenv("A");
  }
  @RabbitListener(queues = "q") void on(String m) { kafkaTemplate.send("t", m); }
}
@FeignClient(name = "stock", url = "${stock.url}") interface Stock { @GetMapping("/a") String a(); }
