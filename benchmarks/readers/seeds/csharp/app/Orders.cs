[ApiController]
[Route("api/[controller]")]
public class OrdersController {
  const string Url = "http://stock:8080";
  [HttpGet("{id:int}")]
  public async Task<string> Get(int id) {
    var u = $"{Url}/items/{id}";
    foreach (var x in a) { await client.GetStringAsync(u + "/x" ?? "y"); }
    return configuration["A:B"];
  }
}
var app = builder.Build();
app.MapPost("/pay", async (Pay p) => await http.PostAsJsonAsync("http://stock/pay", p));
