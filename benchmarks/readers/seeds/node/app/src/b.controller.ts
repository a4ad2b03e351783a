@Controller({ path: 'b', version: '1' })
@UseGuards(AuthGuard('jwt'))
export class B<T extends A> {
  constructor(@InjectRepository(Seat) private readonly seats: Repository<Seat>, private http: HttpService) {}
  @Get(':id')
  async one(@Param('id') id: string) { return this.seats.find({ where: { id }, take: 5 }); }
  @EventPattern('a.b')
  on(@Payload() data) { this.http.post('http://stock:8080/x', data).toPromise(); }
}
